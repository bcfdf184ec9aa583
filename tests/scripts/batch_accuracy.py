#!/usr/bin/env python3
"""Throughput against batch, asked of the built program: `batch_accuracy.py RIGSIM`.

LMDeploy's and TensorRT-LLM's rows and ML.ENERGY's on H100, replayed as they were measured: level median error at most 15 %,
shape (relative to the lowest batch of its series) at most 10 %; the knee within one step of the measured one in every ML.ENERGY
and LMDeploy series and in all but one of TensorRT-LLM's. Argonne's vLLM of 2024 is printed only.
"""
import json
import statistics
import subprocess
import sys

SETS = {
    "lmdeploy": ["lmdeploy"],
    "tensorrt-llm": ["tensorrt-llm (NVIDIA)", "tensorrt-llm (Argonne)"],
    "ml.energy h100": ["ml.energy h100"],
}
ROWS = {"lmdeploy": 23, "tensorrt-llm": 400, "ml.energy h100": 90}
KNEES_OFF = {"lmdeploy": 0, "tensorrt-llm": 1, "ml.energy h100": 0}


def check(name, value, allowed):
    print(f"{name}: {value:.4g}, allowed {allowed}")
    return value <= allowed


def bars(report):
    for name, sets in SETS.items():
        rows = [row for row in report["rows"] if row["set"] in sets]
        series = [entry for entry in report["series"] if entry["set"] in sets]
        yield check(f"{name}: rows missing", max(0, ROWS[name] - len(rows)), 0)
        yield check(f"{name}: level median", statistics.median(abs(row["error"]) for row in rows), 0.15)
        shapes = [abs(row["shape_error"]) for row in rows if row["shape_error"] is not None]
        yield check(f"{name}: shape median", statistics.median(shapes), 0.10)
        yield check(f"{name}: knees off by more than a step", sum(entry["steps_off"] > 1 for entry in series), KNEES_OFF[name])


if __name__ == "__main__":
    answer = subprocess.run([sys.argv[1], "validate", "--batches", "--json"], check=True, capture_output=True)
    document = json.loads(answer.stdout)
    for summary in document["summary"]:
        shape = f", shape {summary['shape']['median']:.3f}" if summary["shape"] else ""
        print(f"{summary['set']}: {summary['level']['rows']} rows, level {summary['level']['median']:.3f}{shape}")
    sys.exit(0 if all(list(bars(document))) else 1)
