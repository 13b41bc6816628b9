"""Reads the output of monitoring plugins by the Monitoring Plugins' guidelines and prints the state, text and performance
data of each file as JSON."""
import json
import re
import sys

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
RANGE = rf"@?(?:(?:~|{NUMBER}):)?(?:{NUMBER})?"
DATUM = re.compile(
    rf"(?P<label>'(?:[^'=|]|'')+'|[^\s'=|]+)=(?P<value>{NUMBER})(?P<unit>s|us|ms|%|B|KB|MB|GB|TB|c|)"
    rf"(?:;(?P<warning>{RANGE}))?(?:;(?P<critical>{RANGE}))?(?:;(?P<least>(?:{NUMBER})?))?(?:;(?P<most>(?:{NUMBER})?))?"
)

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        output = file.read()
    line = re.fullmatch(r"RTC-CHECK (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]*)\|([^|\n]*)\n", output)
    assert line, f"{path}: {output!r} is no plugin's output"
    assert len(output.encode()) <= 8192, f"{path}: longer than a core reads"
    data, rest = [], line.group(3)
    while rest:
        datum = DATUM.match(rest)
        assert datum, f"{path}: {rest!r} is no performance datum"
        rest = rest[datum.end():]
        assert not rest or rest.startswith(" "), f"{path}: {rest!r} follows a performance datum"
        rest = rest.lstrip(" ")
        data.append(datum.groupdict())
    print(json.dumps({"state": line.group(1), "text": line.group(2), "data": data}))
