"""Decodes OTLP bodies with OpenTelemetry's own protobuf definitions: `otlp_decode.py traces|metrics FILE` prints JSON."""

import gzip
import json
import sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

kind, path = sys.argv[1:]
message = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest}[kind]()
body = open(path, "rb").read()
if body[:2] == b"\x1f\x8b":
    body = gzip.decompress(body)
message.ParseFromString(body)
# What this version of the definitions does not know would be a mistake of the encoder.
assert not list(message.UnknownFields()) if hasattr(message, "UnknownFields") else True
json.dump(MessageToDict(message), sys.stdout)
