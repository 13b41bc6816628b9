"""Reads Markdown with GitHub's own parser, links by themselves and raw HTML included, and prints what came out as JSON."""
import collections
import html.parser
import json
import re
import sys

import cmarkgfm
from cmarkgfm.cmark import Options

# What GitHub and GitLab look for in text that is already drawn.
OBEYED = re.compile(r"(?<![\w`])@\w|(?<!\w)#\d|(?<!\w)![\d]|:[a-z0-9_+-]+:|https?://|www\.|\bGH-\d|\$\S[^$]*\$")


class Seen(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = collections.Counter(), []
        self.text, self.blocks, self.rows, self.headings = [], [], [], []
        self.code, self.block, self.heading = 0, False, None

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += [f"{tag}.{name}" for name, _ in attributes]
        self.code += tag in ("code", "pre")
        if tag == "pre":
            self.block = True
            self.blocks.append("")
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1
        if tag in ("h1", "h2", "h3", "h4"):
            self.heading = ""

    def handle_endtag(self, tag):
        self.code -= tag in ("code", "pre")
        self.tags["/" + tag] += 1
        self.block = self.block and tag != "pre"
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(self.heading)
            self.heading = None

    def handle_data(self, data):
        if self.code:
            if self.block:
                self.blocks[-1] += data
        else:
            self.text.append(data)
        if self.heading is not None:
            self.heading += data

    def handle_comment(self, data):
        self.tags["comment"] += 1


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        drawn = cmarkgfm.github_flavored_markdown_to_html(file.read(), options=Options.CMARK_OPT_UNSAFE)
    seen = Seen()
    seen.feed(drawn)
    seen.close()
    obeyed = [text[max(0, found.start() - 40):found.end() + 40] for text in seen.text for found in OBEYED.finditer(text)]
    print(json.dumps({
        "tags": seen.tags, "attributes": sorted(set(seen.attributes)), "rows": seen.rows, "headings": seen.headings,
        "blocks": seen.blocks, "obeyed": obeyed,
    }))
