//! When a train may be looked at to decide, and how wide its intervals are then. Each look is a chance to err, so several
//! looks need wider intervals than one. Knows no limit and no clock.

use std::time::Duration;

/// The width of an interval that is looked at once: right 95 times in 100.
pub const ONE_LOOK: f64 = 1.96;

/// Looks in seconds, and their widths. Few and spread over the train. The first, with few packets, is for what is
/// plainly bad or fast; the next two are as narrow as lets a train without a loss be decided against a limit of 1.5 %
/// (with 80 packets a second at 5 s, with 50 at 6.6 s, and a tenth of a second to spare); the rest share what error
/// these leave. Found by exact calculation for rates of 50 to 300 packets a second and limits of 1 to 3 %; the test
/// below repeats it by simulation.
const LOOKS: [(f64, f64); 7] =
    [(4.0, 3.2), (5.0, 2.44), (6.6, 2.21), (10.0, 2.5), (15.0, 2.5), (22.0, 2.5), (30.0, 2.5)];
/// Of looks before the first of these, each twice as late as the one before: so few packets err most.
const EARLY: f64 = 4.0;
/// Of looks after the last of these, each half as late again as the one before.
const AFTER: f64 = 2.8;
/// Of the last look of all, of trains of at most 30 s and of longer ones.
const LAST: (f64, f64) = (2.3, 2.7);
const SECOND: Duration = Duration::from_secs(1);

/// The looks at one train. A look at a time judges the packets that were sent before it, once they were answered or had
/// their time to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks(Vec<(Duration, f64)>);

impl Looks {
    /// One look, at the end.
    pub fn exact(length: Duration) -> Self {
        Self(vec![(length, ONE_LOOK)])
    }

    /// From `least` on, the last at `most`. Where they leave no room for two, one at `most`.
    pub fn deciding(least: Duration, most: Duration) -> Self {
        let (first, longest) = (SECOND * 4, SECOND * 30);
        let early = later(least.max(SECOND / 10), |at| at.saturating_mul(2)).take_while(|at| *at < first);
        let after = later(longest, |at| at.saturating_add(at / 2)).skip(1).take_while(|at| *at < Duration::MAX);
        let fixed = LOOKS.iter().map(|(at, z)| (SECOND.mul_f64(*at), *z));
        let all = early.map(|at| (at, EARLY)).chain(fixed).chain(after.map(|at| (at, AFTER)));
        // A look shortly before the last would cost error and save no time.
        let mut looks: Vec<(Duration, f64)> = all.filter(|(at, _)| *at >= least && *at < most.mul_f64(0.9)).collect();
        let last = if most <= longest { LAST.0 } else { LAST.1 };
        looks.push((most, if looks.is_empty() { ONE_LOOK } else { last }));
        Self(looks)
    }

    /// The first look later than `after`, and the `z` of its intervals; `None` after the last.
    pub fn next(&self, after: Duration) -> Option<(Duration, f64)> {
        self.0.iter().find(|(at, _)| *at > after).copied()
    }

    /// When the train ends at the latest.
    pub fn end(&self) -> Duration {
        self.0.last().map_or(Duration::ZERO, |(at, _)| *at)
    }
}

fn later(first: Duration, next: fn(Duration) -> Duration) -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(first), move |at| Some(next(*at)))
}

/// About how many more packets would decide a share of `lost` of `of` against a limit, were they lost as often: 0 where
/// it is decided. `limit_share` lies between 0 and 1. `None` where none would (the share seen is the limit itself) or
/// nothing was seen.
pub fn packets_to_decide(lost: u32, of: u32, limit_share: f64, z: f64) -> Option<u32> {
    if of == 0 {
        return None;
    }
    let distance = f64::from(lost) / f64::from(of) - limit_share;
    // Wilson's interval leaves the limit out exactly where the share lies more than z standard errors of it away.
    let needed = (z * z * limit_share * (1.0 - limit_share) / (distance * distance)).floor() + 1.0;
    let more = (needed - f64::from(of)).max(0.0);
    (more <= f64::from(u32::MAX)).then_some(more as u32)
}

#[cfg(test)]
mod tests {
    use super::super::interval::{mean_interval, share_interval};
    use super::super::simulate::Chance;
    use super::*;

    const LIMIT: f64 = 0.015;

    fn default_looks() -> Looks {
        Looks::deciding(SECOND * 4, SECOND * 30)
    }

    #[test]
    fn an_exact_length_has_one_look() {
        let looks = Looks::exact(SECOND * 12);
        assert_eq!(looks.next(Duration::ZERO), Some((SECOND * 12, 1.96)));
        assert_eq!(looks.next(SECOND * 12), None);
    }

    #[test]
    fn looks_lie_between_the_least_and_the_most() {
        for (least, most) in
            [(0, 30), (1, 10), (4, 4), (4, 7), (4, 10), (4, 12), (4, 30), (4, 900), (20, 25), (9, 3), (0, 0)]
        {
            let looks = Looks::deciding(SECOND * least, SECOND * most);
            assert_eq!(looks.end(), SECOND * most);
            assert!(looks.0.windows(2).all(|pair| pair[0].0 < pair[1].0), "{looks:?}");
            assert!(looks.0.len() == 1 || looks.0[0].0 >= SECOND * least, "{looks:?}");
            assert!(looks.0.len() < 20, "{looks:?}");
        }
        assert_eq!(Looks::deciding(SECOND * 4, SECOND * 4), Looks::exact(SECOND * 4));
        assert_eq!(Looks::deciding(SECOND * 4, Duration::MAX).end(), Duration::MAX);
        assert_eq!(default_looks().0.len(), LOOKS.len());
    }

    #[test]
    fn a_clean_path_is_decided_in_time() {
        for (rate, within) in [(50.0, 7.0), (80.0, 5.0), (170.0, 4.0)] {
            let (mut after, looks) = (Duration::ZERO, default_looks());
            let decided = loop {
                let (at, z) = looks.next(after).unwrap();
                let sent = (at.as_secs_f64() * rate) as u32;
                if share_interval(0, sent, z).unwrap().high < LIMIT * 100.0 {
                    break at.as_secs_f64();
                }
                after = at;
            };
            assert!(decided <= within, "{rate} a second: {decided} s");
        }
    }

    #[test]
    fn more_packets_decide_and_one_less_does_not() {
        assert_eq!(packets_to_decide(0, 0, LIMIT, 1.96), None);
        assert_eq!(packets_to_decide(0, 1, LIMIT, 1.96), Some(252));
        assert_eq!(packets_to_decide(0, 2, LIMIT, 1.96), Some(251));
        assert_eq!(packets_to_decide(0, 300, LIMIT, 1.96), Some(0));
        assert_eq!(packets_to_decide(3, 200, LIMIT, 1.96), None);
        let of = 250 + packets_to_decide(5, 250, LIMIT, 1.96).unwrap();
        let at = |of: u32| share_interval(of / 50, of, 1.96).unwrap().low;
        assert!(at(of / 50 * 50 + 50) > 1.5 && at(of / 50 * 50 - 50) < 1.5, "{of}");
    }

    #[derive(Clone, Copy)]
    enum Model {
        Uniform,
        /// Gilbert's: a bad state that loses all, of so many packets in the mean.
        Bursts(f64),
    }

    /// Losses of one run, handed out by packet.
    struct Losses<'a> {
        chance: &'a mut Chance,
        model: Model,
        share: f64,
        /// The next burst, from its first packet until before the other.
        burst: (u32, u32),
        lost: u32,
    }

    impl<'a> Losses<'a> {
        fn new(chance: &'a mut Chance, model: Model, share: f64) -> Self {
            let mut losses = Self { chance, model, share, burst: (0, 0), lost: 0 };
            losses.burst = losses.after(0);
            losses
        }

        fn after(&mut self, packet: u32) -> (u32, u32) {
            let (gap, length) = match self.model {
                Model::Uniform => (geometric(self.chance, self.share), 1),
                Model::Bursts(mean) => {
                    let start = self.share / mean / (1.0 - self.share);
                    (geometric(self.chance, start), 1 + geometric(self.chance, 1.0 / mean))
                }
            };
            (packet.saturating_add(gap), packet.saturating_add(gap).saturating_add(length))
        }

        fn until(&mut self, packets: u32) -> u32 {
            while self.burst.1 <= packets {
                self.lost += self.burst.1 - self.burst.0;
                self.burst = self.after(self.burst.1);
            }
            self.lost + packets.saturating_sub(self.burst.0)
        }
    }

    /// Trials that fail before the first that succeeds.
    fn geometric(chance: &mut Chance, probability: f64) -> u32 {
        ((1.0 - chance.share()).ln() / (1.0 - probability).ln()) as u32
    }

    #[derive(Debug, Default)]
    struct Tally {
        passed: u32,
        failed: u32,
        seconds: f64,
    }

    fn simulate(looks: &Looks, rate: f64, model: Model, share: f64, runs: u32) -> Tally {
        let mut chance = Chance::new(20_261_121);
        let mut tally = Tally::default();
        for _ in 0..runs {
            let mut losses = Losses::new(&mut chance, model, share);
            let mut after = Duration::ZERO;
            while let Some((at, z)) = looks.next(after) {
                let sent = (at.as_secs_f64() * rate) as u32;
                let seen = share_interval(losses.until(sent), sent, z).unwrap();
                after = at;
                let (passes, fails) = (seen.high < LIMIT * 100.0, seen.low > LIMIT * 100.0);
                tally.passed += u32::from(passes);
                tally.failed += u32::from(fails);
                if passes || fails {
                    break;
                }
            }
            tally.seconds += after.as_secs_f64() / f64::from(runs);
        }
        tally
    }

    fn row(name: &str, rate: f64, share: f64, tally: &Tally, runs: u32) {
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(runs);
        let open = percent(runs - tally.passed - tally.failed);
        println!(
            "| {name} | {rate:.0}/s | {:.2} % | {:.2} % | {:.2} % | {open:.2} % | {:.1} s |",
            share * 100.0,
            percent(tally.passed),
            percent(tally.failed),
            tally.seconds
        );
    }

    /// The verdict on a loss limit of 1.5 % over 10,000 runs: wrong less than 5 times in 100 at the limit itself, and
    /// less than 5 in 1,000 at half and at double of it.
    #[test]
    fn the_rule_of_stopping_does_not_bias_the_verdict() {
        const RUNS: u32 = 10_000;
        println!("| loss | rate | true | pass | fail | unknown | mean time |\n|---|---|---|---|---|---|---|");
        for (least, most) in [(4, 30), (4, 10), (4, 60), (1, 30), (4, 12)] {
            let looks = Looks::deciding(SECOND * least, SECOND * most);
            let name = format!("uniform, {least} to {most} s");
            for rate in [50.0, 80.0, 300.0] {
                let at = |share: f64| {
                    let tally = simulate(&looks, rate, Model::Uniform, share, RUNS);
                    row(&name, rate, share, &tally, RUNS);
                    tally
                };
                let (half, limit, double) = (at(LIMIT / 2.0), at(LIMIT), at(LIMIT * 2.0));
                assert!(limit.passed < RUNS / 20 && limit.failed < RUNS / 20, "{name} {rate}: {limit:?}");
                assert!(half.failed < RUNS / 200, "{name} {rate}: {half:?}");
                assert!(double.passed < RUNS / 200, "{name} {rate}: {double:?}");
            }
        }
    }

    #[test]
    fn one_look_does_not_either() {
        const RUNS: u32 = 10_000;
        for seconds in [5, 10, 30] {
            let looks = Looks::exact(SECOND * seconds);
            let at = |share| simulate(&looks, 50.0, Model::Uniform, share, RUNS);
            let (half, limit, double) = (at(LIMIT / 2.0), at(LIMIT), at(LIMIT * 2.0));
            assert!(limit.passed < RUNS / 20 && limit.failed < RUNS / 20, "{seconds} s: {limit:?}");
            assert!(half.failed < RUNS / 200 && double.passed < RUNS / 200, "{seconds} s: {half:?} {double:?}");
        }
    }

    /// A mean of delays that is the limit itself, and its jitter, looked at as often: wrong less than 5 times in 100.
    #[test]
    fn nor_does_it_bias_a_verdict_on_a_mean_of_delays_with_a_memory() {
        const RUNS: u32 = 1_000;
        let mut chance = Chance::new(9);
        println!("| of | memory | pass | fail |\n|---|---|---|---|");
        for memory in [0.0f64, 0.5, 0.9] {
            let change = (4.0 * (1.0 - memory) / std::f64::consts::PI).sqrt();
            for (of, truth) in [("mean", 0.0), ("jitter", change)] {
                let (mut passed, mut failed) = (0, 0);
                for _ in 0..RUNS {
                    let delays = chance.autoregressive(1_500, memory, 1.0);
                    let jitter: Vec<f64> = delays.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
                    let (below, above) = verdict(if of == "mean" { &delays } else { &jitter }, truth);
                    passed += u32::from(below);
                    failed += u32::from(above);
                }
                println!("| {of} | {memory} | {:.1} % | {:.1} % |", f64::from(passed) / 10.0, f64::from(failed) / 10.0);
                assert!(passed < RUNS / 20 && failed < RUNS / 20, "{of} {memory}: {passed} {failed}");
            }
        }
    }

    /// Whether the first interval that leaves the limit out, at 50 packets a second, lies below it or above.
    fn verdict(values: &[f64], limit: f64) -> (bool, bool) {
        let (mut after, looks) = (Duration::ZERO, default_looks());
        while let Some((at, z)) = looks.next(after) {
            let packets = ((at.as_secs_f64() * 50.0) as usize).min(values.len());
            let seen = mean_interval(&values[..packets], z).unwrap();
            if seen.high < limit || seen.low > limit {
                return (seen.high < limit, seen.low > limit);
            }
            after = at;
        }
        (false, false)
    }

    /// For information: where losses come in bursts, a short train sees a few bursts or none, and no interval of counts
    /// knows. With a mean share at the limit the verdict is then of the train that was sent, not of the path's mean.
    #[test]
    fn bursts_make_verdicts_of_the_mean_less_sure() {
        const RUNS: u32 = 10_000;
        println!("| loss | rate | true | pass | fail | unknown | mean time |\n|---|---|---|---|---|---|---|");
        for mean in [2.0, 5.0] {
            for rate in [50.0, 80.0] {
                for share in [LIMIT / 2.0, LIMIT, LIMIT * 2.0] {
                    let tally = simulate(&default_looks(), rate, Model::Bursts(mean), share, RUNS);
                    row(&format!("bursts of {mean}"), rate, share, &tally, RUNS);
                    assert!(tally.passed + tally.failed <= RUNS);
                }
            }
        }
    }
}
