// What the page does: it asks the responder what to test, tests it, hands in what it saw, and shows what that is worth.
// It judges nothing; the report comes from the responder. Text from anywhere goes into the page as text only.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const now = () => performance.now();
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const round = (ms) => Math.round(ms * 100) / 100; // a result may have a slow way
  const token = location.hash.slice(1);

  const CONNECT_MS = 10000; // for an answer of a web server or WebSocket
  const PORT_MS = 7000; // for ICE on one port
  const PEER_MS = 12000; // for a data channel
  const PORTS = 8; // of each range
  const AT_ONCE = 4;
  const RELAY_MESSAGES = 50;

  let plan = null;
  let report = null;
  let run = null;
  let devices = "not-asked";

  /** Makes an element with text and children; nothing is read as HTML. */
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  /** Asks the responder; fails with its own words. */
  async function ask(path, body) {
    const headers = { Accept: "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(path === "result" ? 70000 : 20000),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.refused || `the responder answered ${answer.status}`);
    return told;
  }

  const hasWebrtc = () => typeof RTCPeerConnection === "function";

  function browserFacts() {
    const codecs = [];
    if (hasWebrtc() && typeof RTCRtpReceiver === "function" && RTCRtpReceiver.getCapabilities) {
      for (const kind of ["audio", "video"]) {
        const all = RTCRtpReceiver.getCapabilities(kind);
        for (const codec of (all && all.codecs) || []) {
          const name = codec.mimeType.toLowerCase();
          if (!codecs.includes(name) && !/\/(rtx|red|ulpfec|flexfec-03|cn|telephone-event)$/.test(name)) codecs.push(name);
        }
      }
    }
    return { agent: navigator.userAgent, webrtc: hasWebrtc(), secure: window.isSecureContext, codecs: codecs.slice(0, 40), devices };
  }

  // ---- HTTPS and WebSockets

  const timedOut = (error) => error.name === "TimeoutError" || error.name === "AbortError";

  async function fetchOnce(url, mode) {
    try {
      const answer = await fetch(url, {
        mode, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(CONNECT_MS),
      });
      if (answer.type === "opaque") return { end: "opaque" };
      return { end: "answered", status: answer.status, server: answer.headers.get("server") };
    } catch (error) {
      return { end: timedOut(error) ? "timed-out" : "failed" };
    }
  }

  /** A page of another site is kept from this one: then all that is seen is that something answered over TLS. */
  async function testPage(item) {
    const span = begin();
    let seen = await fetchOnce(item.url, "cors");
    if (seen.end === "failed") seen = await fetchOnce(item.url, "no-cors");
    run.told.pages.push({ item: item.item, span: end(span), ...seen });
    return seen.end === "answered" || seen.end === "opaque";
  }

  function openSocket(item) {
    return new Promise((done) => {
      const begun = now();
      let socket;
      const over = (seen) => {
        clearTimeout(timer);
        socket.onopen = socket.onerror = socket.onclose = socket.onmessage = null;
        try { socket.close(); } catch (_) { /* it never opened */ }
        done(seen);
      };
      const timer = setTimeout(() => over({ end: "timed-out" }), CONNECT_MS);
      socket = item.protocol ? new WebSocket(item.url, [item.protocol]) : new WebSocket(item.url);
      socket.onerror = socket.onclose = () => over({ end: now() - begun > CONNECT_MS ? "timed-out" : "failed" });
      socket.onopen = () => {
        const open = { end: "open", protocol: socket.protocol };
        if (!item.here) return over(open);
        const sent = now();
        socket.onmessage = () => over({ ...open, echo_ms: now() - sent });
        socket.send("rtc-check");
        setTimeout(() => over(open), 3000);
      };
    });
  }

  async function testSocket(item) {
    const span = begin();
    const seen = await openSocket(item);
    if (seen.end === "failed") {
      const page = await fetchOnce(item.url.replace(/^wss:/, "https:"), "no-cors");
      if (page.end === "opaque") seen.end = "no-upgrade";
    }
    run.told.sockets.push({ item: item.item, span: end(span), ...seen });
    return seen.end === "open";
  }

  // ---- ICE on single ports

  function portsOf(first, last) {
    const chosen = new Set([first, last, first + Math.floor((last - first) / 2)]);
    while (chosen.size < Math.min(PORTS, last - first + 1)) {
      chosen.add(first + Math.floor(Math.random() * (last - first + 1)));
    }
    return [...chosen];
  }

  /** The answer of an agent that only does ICE; DTLS is never begun. */
  function iceAnswer(grant, port) {
    const fingerprint = Array(32).fill("00").join(":");
    const lines = [
      "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0",
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0",
      `a=ice-ufrag:${grant.ufrag}`, `a=ice-pwd:${grant.pwd}`, `a=fingerprint:sha-256 ${fingerprint}`,
      "a=setup:active", "a=sctp-port:5000", "a=max-message-size:65536",
      ...grant.addresses.map((address, n) => `a=candidate:${n} 1 udp ${2130706431 - n * 256} ${address} ${port} typ host`),
      "a=end-of-candidates", "",
    ];
    return lines.join("\r\n");
  }

  const iceState = (pc, good, ms) => new Promise((done) => {
    const look = () => {
      const state = pc.iceConnectionState;
      if (good.includes(state) || state === "failed" || state === "closed") finish(good.includes(state));
    };
    const finish = (result) => {
      clearTimeout(timer);
      pc.removeEventListener("iceconnectionstatechange", look);
      done(result);
    };
    const timer = setTimeout(() => finish(good.includes(pc.iceConnectionState)), ms);
    pc.addEventListener("iceconnectionstatechange", look);
    look();
  });
  const CONNECTED = ["connected", "completed"];

  async function askPort(rule, port) {
    const pc = new RTCPeerConnection({ iceServers: [] });
    let candidates = 0;
    pc.onicecandidate = (event) => { if (event.candidate && event.candidate.candidate) candidates += 1; };
    try {
      pc.createDataChannel("rtc-check");
      await pc.setLocalDescription(await pc.createOffer());
      const ufrag = /a=ice-ufrag:(\S+)/.exec(pc.localDescription.sdp)[1];
      const grant = await ask("port", { rule, port, ufrag });
      await pc.setRemoteDescription({ type: "answer", sdp: iceAnswer(grant, port) });
      const answered = await iceState(pc, CONNECTED, PORT_MS);
      return { port, answered, candidates };
    } catch (error) {
      return { port, refused: error.message, candidates };
    } finally {
      pc.close();
    }
  }

  async function testPorts(item) {
    const span = begin();
    const seen = { item: item.item, answered: [], silent: [], no_candidates: !hasWebrtc() };
    const waiting = hasWebrtc() ? portsOf(item.first, item.last) : [];
    let candidates = 0;
    const worker = async () => {
      while (waiting.length && !run.stopped) {
        const one = await askPort(item.rule, waiting.shift());
        candidates += one.candidates;
        if (one.refused) seen.refused = one.refused;
        else (one.answered ? seen.answered : seen.silent).push(one.port);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    seen.no_candidates = candidates === 0 && !seen.refused;
    if (run.stopped && waiting.length) return false;
    run.told.ports.push({ ...seen, span: end(span) });
    return seen.answered.length > 0 && seen.silent.length === 0;
  }

  // ---- Peers: a data channel, and audio

  const shownEnd = (c) => ({ type: c.candidateType || c.type || "", address: c.address || c.ip ? `${c.address || c.ip}:${c.port}` : "hidden by the browser", protocol: c.protocol || "" });

  /** A connection with a peer at the responder; what came of it is in `peer`. */
  async function meet(rule, config, track) {
    const peer = { candidates: [], errors: [] };
    if (!hasWebrtc()) return { peer: { ...peer, failed: "no-candidates" } };
    const pc = new RTCPeerConnection(config);
    const relayed = config.iceTransportPolicy === "relay";
    const failed = (why, detail) => { pc.close(); return { peer: { ...peer, failed: why, detail } }; };
    let gathered;
    const enough = new Promise((done) => { gathered = done; });
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate || !candidate.candidate) { if (!candidate) gathered(); return; }
      if (candidate.protocol === "tcp" && candidate.type === "host") return; // there is no such way to the responder
      if (peer.candidates.length < 24) peer.candidates.push(shownEnd(candidate));
      if (relayed) gathered();
    };
    pc.onicecandidateerror = (e) => {
      if (peer.errors.length < 24) peer.errors.push({ code: e.errorCode, text: e.errorText || "", url: e.url || "" });
    };
    try {
      const channel = pc.createDataChannel("rtc-check", { ordered: false, maxRetransmits: 0 });
      channel.binaryType = "arraybuffer";
      if (track) pc.addTrack(track.track, track.stream);
      await pc.setLocalDescription(await pc.createOffer());
      await Promise.race([enough, pause(relayed ? CONNECT_MS : 2000)]);
      if (peer.candidates.length === 0) return failed(relayed ? "no-relay" : "no-candidates");
      let grant;
      try {
        grant = await ask("peer", { rule, sdp: pc.localDescription.sdp });
      } catch (error) {
        return failed("refused", error.message);
      }
      peer.port = grant.port;
      const begun = now();
      await pc.setRemoteDescription({ type: "answer", sdp: grant.sdp });
      const open = new Promise((done) => { channel.onopen = () => done(true); });
      if (!(await iceState(pc, CONNECTED, PEER_MS))) return failed("not-connected");
      peer.connected_ms = now() - begun;
      if (!(await Promise.race([open, pause(PEER_MS).then(() => false)]))) return failed("no-channel");
      return { pc, channel, peer };
    } catch (error) {
      return failed("refused", error.message);
    }
  }

  async function statsOf(pc, peer) {
    const all = new Map();
    (await pc.getStats()).forEach((stat) => all.set(stat.id, stat));
    const audio = {};
    for (const stat of all.values()) {
      const used = stat.type === "transport" ? all.get(stat.selectedCandidatePairId) : null;
      const pair = used || (stat.type === "candidate-pair" && stat.selected ? stat : null); // Firefox marks the pair itself
      if (pair) {
        const [local, remote] = [all.get(pair.localCandidateId), all.get(pair.remoteCandidateId)];
        if (local && remote) peer.pair = { local: shownEnd(local), remote: shownEnd(remote) };
        if (peer.pair && pair.currentRoundTripTime !== undefined) peer.pair.rtt_ms = pair.currentRoundTripTime * 1000;
      }
      if (stat.kind !== "audio") continue;
      if (stat.type === "outbound-rtp") audio.sent = stat.packetsSent;
      if (stat.type === "inbound-rtp") {
        [audio.received, audio.lost, audio.jitter_ms] = [stat.packetsReceived, stat.packetsLost, stat.jitter * 1000];
      }
      if (stat.type === "remote-inbound-rtp" && stat.roundTripTime !== undefined) audio.rtt_ms = stat.roundTripTime * 1000;
    }
    return audio;
  }

  /** A tone that nobody hears, so that no microphone is asked for. */
  function tone() {
    try {
      const context = new AudioContext();
      const [source, quiet, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
      quiet.gain.value = 0.1;
      source.connect(quiet).connect(out);
      source.start();
      context.resume().catch(() => {});
      return { track: out.stream.getAudioTracks()[0], stream: out.stream, stop: () => context.close().catch(() => {}) };
    } catch (_) {
      return null;
    }
  }

  /** Sends what is due, as due; each message begins with its number, and comes back with the responder's count and time. */
  function send(channel, streams, seconds) {
    const train = { sent: [], replies: [], skipped: 0, hidden: document.hidden };
    const begun = now();
    const due = streams.map(() => 0);
    channel.onmessage = ({ data }) => {
      const back = now() - begun;
      if (!(data instanceof ArrayBuffer) || data.byteLength < 16) return;
      const view = new DataView(data);
      train.replies.push([view.getUint32(0), view.getUint32(4), round(back), round(view.getFloat64(8))]);
    };
    return new Promise((done) => {
      const timer = setInterval(() => {
        const at = now() - begun;
        train.hidden = train.hidden || document.hidden;
        streams.forEach((stream, n) => {
          while (due[n] <= at && due[n] < seconds * 1000) {
            const late = at - due[n];
            due[n] += stream.period_ms;
            for (let k = 0; k < stream.burst; k += 1) {
              if (late > 1000 || channel.readyState !== "open" || channel.bufferedAmount > 65536) { train.skipped += 1; continue; }
              const bytes = Math.max(16, stream.bytes);
              const view = new DataView(new ArrayBuffer(bytes));
              view.setUint32(0, train.sent.length);
              train.sent.push([round(now() - begun), round(late), bytes]);
              channel.send(view.buffer);
            }
          }
        });
        if (at >= seconds * 1000 || run.stopped) {
          clearInterval(timer);
          setTimeout(() => { channel.onmessage = null; done(train); }, 1500);
        }
      }, 4);
    });
  }

  const throughRelay = ({ url }) => ({
    iceServers: [{ urls: url, username: plan.login.username, credential: plan.login.credential }],
    iceTransportPolicy: "relay",
  });
  const relayName = (task) => (task.item !== undefined ? { item: task.item } : { trial: task.trial });

  /** Relays through which data came back: over UDP, then TCP, then TLS; of those alike the one that lost less. */
  function workingRelays() {
    const rank = ({ url }) => (url.startsWith("turns:") ? 2 : url.endsWith("transport=tcp") ? 1 : 0);
    return run.working.sort((a, b) => rank(a.task) - rank(b.task) || b.received - a.received).map((one) => one.task).slice(0, 3);
  }

  /** Directly; where no direct connection comes up, through a relay that works, and told as that one's. */
  async function testTrain(task) {
    const span = begin();
    const sound = hasWebrtc() ? tone() : null;
    let met = await meet(task.rule, { iceServers: [] }, sound);
    const told = { measure: task.measure, peer: met.peer };
    for (const relay of met.peer.failed === "refused" ? [] : workingRelays()) {
      if (met.pc || run.stopped) break;
      met = await meet(task.rule, throughRelay(relay), sound);
      told.relayed = { ...relayName(relay), peer: met.peer };
    }
    if (met.pc) {
      Object.assign(told, await send(met.channel, task.streams, task.seconds));
      const audio = await statsOf(met.pc, met.peer);
      if (audio.sent !== undefined && audio.received !== undefined) told.audio = audio;
      met.pc.close();
    }
    if (sound) sound.stop();
    if (run.stopped) return false;
    run.told.trains.push({ ...told, span: end(span) });
    return !met.peer.failed && told.replies.length > 0;
  }

  async function testRelay(task, rule) {
    const span = begin();
    const told = { span: null, sent: 0, received: 0, rtt_ms: [], ...relayName(task) };
    if (!plan.login) {
      told.peer = { failed: "no-relay", errors: [{ code: 401, text: "a login is needed, and this page has none", url: task.url }] };
    } else {
      const { pc, channel, peer } = await meet(rule, throughRelay(task), null);
      told.peer = peer;
      if (pc) {
        const train = await send(channel, [{ period_ms: 20, burst: 1, bytes: 100 }], RELAY_MESSAGES / 50);
        told.sent = train.sent.length;
        const first = new Map();
        train.replies.forEach(([n, , back]) => { if (!first.has(n)) first.set(n, back); });
        told.received = first.size;
        first.forEach((back, n) => { if (train.sent[n]) told.rtt_ms.push(back - train.sent[n][0]); });
        await statsOf(pc, peer);
        pc.close();
      }
    }
    told.span = end(span);
    run.told.relays.push(told);
    if (told.received > 0) run.working.push({ task, received: told.received });
    return told.received > 0;
  }

  // ---- A run

  const begin = () => now() - run.begun;
  const end = (begun) => ({ at_ms: begun, took_ms: now() - run.begun - begun });

  function tasks() {
    const of = (how) => plan.items.filter((item) => item.how === how);
    const rule = plan.media;
    const relays = [...of("relay"), ...plan.relays];
    return [
      ...of("page").map((item) => ({ words: item.what, work: () => testPage(item), together: true })),
      ...of("socket").map((item) => ({ words: item.what, work: () => testSocket(item), together: true })),
      ...of("ports").map((item) => ({ words: item.what, work: () => testPorts(item) })),
      ...(rule ? relays.map((task) => ({ words: `Media through the relay ${task.url}`, work: () => testRelay(task, rule) })) : []),
      ...plan.trains.map((task) => ({ words: `Delay, jitter and loss of media (${task.role})`, work: () => testTrain(task) })),
    ];
  }

  function stepLine(words) {
    const sign = make("span", { class: "sign", "aria-hidden": "true" }, "…");
    const state = make("span", {}, "");
    $("steps").append(make("li", {}, sign, words, state));
    return (ok) => {
      sign.textContent = ok ? "✓" : "!";
      sign.className = `sign ${ok ? "pass" : "warn"}`;
      state.textContent = ok ? "" : " - no, see the result";
    };
  }

  async function carryOut() {
    const all = tasks();
    let done = 0;
    const one = async (task) => {
      if (run.stopped) return;
      $("doing").textContent = task.words;
      const say = stepLine(task.words);
      say(await task.work());
      done += 1;
      $("progress").value = Math.round((100 * done) / Math.max(1, all.length));
    };
    await Promise.all(all.filter((task) => task.together).map(one));
    for (const task of all.filter((t) => !t.together)) await one(task);
  }

  async function start() {
    run = { begun: now(), stopped: false, working: [], told: { version: 1, pages: [], sockets: [], ports: [], trains: [], relays: [] } };
    $("steps").replaceChildren();
    $("progress").value = 0;
    show("running");
    try {
      await carryOut();
      Object.assign(run.told, { duration_ms: now() - run.begun, browser: browserFacts(), interrupted: run.stopped });
      $("doing").textContent = "Handing in the result";
      report = await ask("result", run.told);
      showReport();
    } catch (error) {
      trouble(error.message);
    }
  }

  // ---- What is shown

  function show(id) {
    for (const other of ["before", "running", "result", "trouble"]) $(other).hidden = other !== id;
    const heading = $(id).querySelector("h2");
    if (id !== "before" && heading) heading.focus();
  }

  function trouble(words) {
    $("trouble-words").textContent = `${words}. Load this page again with the whole link that you were given, or tell whoever sent it.`;
    show("trouble");
  }

  const SIGNS = { pass: "✓", warn: "!", fail: "✕", unknown: "?", skip: "–" };
  const STATES = { pass: "works", warn: "warning", fail: "does not work", unknown: "not known", skip: "not tested" };
  const VERDICTS = {
    pass: ["Calls should work from here", "Everything that a browser can test is as it should be."],
    warn: ["Calls should work from here, with a weakness", "It works, but something is not as recommended; see below."],
    fail: ["Calls will not work properly from here", "Something on this network is in the way. Below is what to ask for: save the result and send it to your IT support."],
    unknown: ["The test could not decide whether calls work from here", "Not everything that is needed could be shown to work. Save the result and send it to your IT support."],
    skip: ["Nothing was tested", ""],
  };
  const WHO = {
    "this-machine": "the administrator of this machine", firewall: "the administrator of the firewall",
    proxy: "the administrator of the proxy", inspection: "whoever runs TLS inspection or security software",
    resolver: "the administrator of the DNS resolver", provider: "the provider of the line", server: "the operator of the server",
  };

  const number = (value, unit) => (typeof value === "number" ? `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}` : "not known");

  function figure(check) {
    const seen = check.observed;
    const rows = [
      ["Delay (there and back)", number(seen.rtt_ms && seen.rtt_ms.mean, "ms")],
      ["Jitter", number(seen.jitter_ms, "ms")],
      ["Loss", number(seen.loss_pct, "%")],
      ["Sound quality (1 to 4.5)", typeof seen.mos === "number" ? seen.mos.toFixed(1) : "not known"],
    ];
    if (seen.media_loop) rows.push(["Audio packets back", `${seen.media_loop.received} of ${seen.media_loop.sent}`]);
    const list = make("dl");
    rows.forEach(([name, value]) => list.append(make("dt", {}, name), make("dd", {}, value)));
    const via = seen.via || {};
    const relay = via.method === "turn" ? `, not directly but through the relay ${via.server} (${String(via.way || via.transport).replace("turn-", "").toUpperCase()})` : "";
    return make("div", { class: "figure" }, make("strong", {}, `Media to ${check.role} at ${check.target}${relay}`), list);
  }

  function finding(found) {
    const box = make("div", { class: `finding ${found.status}` }, make("h3", {}, found.title), make("p", {}, found.detail));
    if (found.remedy) box.append(make("p", {}, make("strong", {}, "What to do: "), found.remedy));
    if (found.who && WHO[found.who]) box.append(make("p", {}, make("strong", {}, "Who: "), WHO[found.who]));
    if (found.ask && found.ask.length) {
      box.append(make("p", {}, make("strong", {}, "Ask for:")));
      box.append(make("ul", { class: "ask" }, ...found.ask.map((line) => make("li", {}, line))));
    }
    return box;
  }

  const KINDS = { quality: "Delay, jitter and loss", bandwidth: "Bandwidth", ice: "Way of media", turn: "Relay" };

  /** A check in words; its id stands below. */
  function nameOf(check) {
    const item = plan.items.find((one) => one.rule === check.rule);
    return item ? item.what : `${KINDS[check.probe] || check.probe} (${check.role} at ${check.target})`;
  }

  function row(check) {
    return make("tr", {},
      make("td", { class: `state ${check.status}` }, `${SIGNS[check.status]} ${STATES[check.status]}`),
      make("th", { scope: "row" }, nameOf(check), make("span", { class: "id" }, check.id)),
      make("td", {}, check.reason, tabOf(check)));
  }

  /** A browser shows in a tab what it keeps from a page. */
  function tabOf(check) {
    const item = plan.items.find((one) => one.rule === check.rule);
    if (check.status !== "fail" || !item || !/^(https|wss):/.test(item.url || "")) return null;
    const href = item.url.replace(/^wss:/, "https:");
    return make("p", {}, make("a", { href, target: "_blank", rel: "noopener noreferrer" }, `Open ${href} in a tab`));
  }

  function showReport() {
    const [title, words] = VERDICTS[report.verdict] || VERDICTS.unknown;
    $("mark").textContent = SIGNS[report.verdict];
    $("mark").className = report.verdict;
    $("verdict").textContent = title;
    $("verdict-words").textContent = (report.complete ? "" : "The test was stopped before its end. ") + words;
    const measured = report.checks.filter((c) => c.probe === "quality" && typeof c.observed.received === "number");
    $("figures").replaceChildren(...measured.map(figure));
    $("findings").replaceChildren(...report.findings.filter((f) => f.status !== "pass").map(finding));
    const order = ["fail", "unknown", "warn", "pass", "skip"];
    const checks = [...report.checks].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
    const head = make("thead", {}, make("tr", {}, ...["State", "Check", "What was seen"].map((t) => make("th", { scope: "col" }, t))));
    $("checks").replaceChildren(make("table", {}, head, make("tbody", {}, ...checks.map(row))));
    const skipped = report.summary.skip;
    $("untested").textContent = skipped ? `${skipped} of ${report.checks.length} checks were not done, because a browser cannot do them or was not asked to. They count neither for nor against the verdict.` : "";
    $("run-id").textContent = `Number of this test: ${report.run.id}${plan.kept ? " (kept at the server)" : ""}`;
    show("result");
  }

  function save() {
    const link = make("a", { href: URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: "application/json" })), download: `rtc-check-${report.run.id}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function checkDevices() {
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
      devices = "none";
      $("devices-said").textContent = "This browser gives no access to microphone and camera.";
      return;
    }
    $("devices-said").textContent = "Your browser asks you now whether this page may use them.";
    const said = [];
    for (const [kind, words] of [["audio", "Microphone"], ["video", "Camera"]]) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true });
        stream.getTracks().forEach((track) => track.stop());
        said.push(`${words}: works.`);
      } catch (error) {
        said.push(`${words}: ${error.name === "NotAllowedError" ? "access was refused" : "none was found"}.`);
      }
    }
    devices = said.every((s) => s.endsWith("works.")) ? "granted" : said.some((s) => s.includes("refused")) ? "refused" : "none";
    $("devices-said").textContent = `${said.join(" ")} Nothing was recorded or sent.`;
  }

  function line(ok, words) {
    return make("li", {}, make("span", { class: `sign ${ok ? "pass" : "fail"}`, "aria-hidden": "true" }, ok ? "✓" : "✕"), words);
  }

  function introduce() {
    const facts = browserFacts();
    $("browser").replaceChildren(
      line(facts.webrtc, facts.webrtc ? "This browser can make calls (WebRTC)." : "This browser cannot make calls: WebRTC is missing or switched off. Try a current Chrome, Edge, Firefox or Safari."),
      line(facts.secure, facts.secure ? "The page was loaded securely." : "The page was not loaded securely; microphone and camera are not available here."),
    );
    if (facts.webrtc && facts.codecs.length) {
      const wanted = ["audio/opus", "video/vp8"].filter((codec) => !facts.codecs.includes(codec));
      $("browser").append(line(!wanted.length, wanted.length ? `It lacks ${wanted.join(" and ")}.` : "It has the codecs Opus and VP8."));
    }
    const counted = (how) => plan.items.filter((item) => item.how === how).length;
    const does = [
      [counted("page") + counted("socket"), (n) => `opens ${n} secure connections to the platform's ports`],
      [counted("ports"), (n) => `asks UDP ports of ${n} ${n === 1 ? "range" : "ranges"} for media`],
      [plan.trains.length, (n) => `sends test media for about ${n * 8} seconds, as much as a call would, and measures delay, jitter and loss`],
      [plan.media ? counted("relay") + plan.relays.length : 0, (n) => `tries ${n} ${n === 1 ? "relay" : "relays"} for media`],
    ];
    $("does").replaceChildren(...does.filter(([n]) => n).map(([n, words]) => make("li", {}, words(n))));
    const left = plan.items.filter((item) => item.how === "not").length;
    if (left) $("does").append(make("li", {}, `leaves out ${left} ${left === 1 ? "rule" : "rules"} that no browser can test`));
    if (!plan.peer) $("does").append(make("li", {}, "measures no media, because this server cannot send any back"));
    $("responder").textContent = location.host;
    $("kept").textContent = plan.kept ? "The server keeps it." : "The server does not keep it.";
    const others = plan.items.filter((item) => !item.here && item.url).map((item) => item.what);
    $("hosts").replaceChildren(...[...others, ...plan.relays.map((r) => `TURN relay ${r.url}`)].map((w) => make("li", {}, w)));
    $("start").disabled = false;
  }

  $("start").addEventListener("click", start);
  $("again").addEventListener("click", start);
  $("devices").addEventListener("click", checkDevices);
  $("stop").addEventListener("click", () => { run.stopped = true; $("doing").textContent = "Stopping"; });
  $("save").addEventListener("click", save);
  ask("plan").then((told) => { plan = told; introduce(); }).catch((error) => trouble(error.message));
})();
