"""Reads comma-separated values strictly and prints the rows of each file as JSON, a line a file."""
import csv
import json
import sys

csv.field_size_limit(1 << 24)
for path in sys.argv[1:]:
    with open(path, newline="", encoding="utf-8") as file:
        print(json.dumps(list(csv.reader(file, strict=True))))
