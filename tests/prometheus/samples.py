"""Reads metrics from standard input; prints each sample with the type of its family."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, family.name
    for sample in family.samples:
        labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
        series = sample.name + (f"{{{labels}}}" if labels else "")
        print(json.dumps([series, family.type, sample.value]))
