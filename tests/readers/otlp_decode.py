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
# What the definitions do not know would be a mistake of the encoder, at any depth.
known = type(message)()
known.CopyFrom(message)
known.DiscardUnknownFields()
assert known.SerializeToString() == message.SerializeToString(), "fields that the definitions do not know"
json.dump(MessageToDict(message), sys.stdout)
