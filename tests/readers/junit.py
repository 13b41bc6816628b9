"""Reads JUnit files with junitparser and prints what it found as JSON, an object a file."""
import json
import sys

from junitparser import Error, Failure, JUnitXml, Skipped

WORDS = {Failure: "failure", Error: "error", Skipped: "skipped"}


def case(of):
    results = [[WORDS[type(result)], result.message or "", result.text or ""] for result in of.result]
    return {"name": of.name, "classname": of.classname, "time": of.time, "results": results, "out": of.system_out or ""}


def suite(of):
    counts = {"tests": of.tests, "failures": of.failures, "errors": of.errors, "skipped": of.skipped}
    properties = {each.name: each.value for each in of.properties()}
    return {"name": of.name, **counts, "properties": properties, "cases": [case(each) for each in of]}


for path in sys.argv[1:]:
    print(json.dumps([suite(each) for each in JUnitXml.fromfile(path)]))
