"""Serving against measured runs, asked of the built program: `serving_accuracy.py RIGSIM`.

Two runs of vLLM 0.19.0 (300 ShareGPT prompts, Poisson 10 requests/s, bf16, 2,048 batched tokens), each request with its own
times: casys-kaist/LLMServingSim @ 5daddb21, bench/examples (MIT). The KV blocks of the RTX 4090 (2,588) are predicted, not given.
Times count from a request's arrival; the clock of the engine's times and that of arrivals are brought together by the request
that waited least. TPOT within 5 %, E2E within 10 %, TTFT within 15 % of mean and median, TTFT of the first 20 requests within
20 %, throughput and makespan within 5 %, KV blocks within 3 %. Of the two RTX PRO 6000 the source does not name the link; see
docs/serving.md.
"""

import json
import statistics
import subprocess
import sys

from house import ROOT, report

MEASURED = ROOT / "configs/catalog/measured"
LIMITS = {"tpot": 0.05, "e2e": 0.10, "ttft": 0.15, "first20": 0.20, "throughput": 0.05, "makespan": 0.05}
RUNS = {
    "serving_vllm_0_19_rtx_4090_llama_3_1_8b.jsonl": {
        "arguments": ["--rig", "rtx-4090", "--model", "llama-3.1-8b", "--max-num-seqs", "256"],
        "kv_blocks": 2588,
    },
    "serving_vllm_0_19_2x_rtx_pro_6000_qwen3_32b.jsonl": {
        "arguments": ["--rig", "2xrtx-pro-6000-nop2p", "--model", "qwen3-32b", "--max-num-seqs", "128"],
        "kv_blocks": None,
    },
}


def predicted(rigsim, path, arguments, result):
    command = [rigsim, "serve", *arguments, "--weights", "bf16", "--engine", "vllm", "--cold-start", "--traffic", str(path)]
    out = subprocess.run([*command, "--vllm-result", result, "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(out), json.loads(open(result, encoding="utf-8").read())


def measured(path):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    ttft = [row["first_token_ts"] - row["arrival_time"] for row in rows]
    e2e = [row["last_token_ts"] - row["arrival_time"] for row in rows]
    tpot = [(row["last_token_ts"] - row["first_token_ts"]) / (row["output_toks"] - 1) for row in rows]
    makespan = max(row["last_token_ts"] for row in rows)
    return {"ttft": ttft, "e2e": e2e, "tpot": tpot, "makespan": makespan, "tokens": sum(row["output_toks"] for row in rows)}


def comparisons(document, result, truth):
    """(what, limit's key, predicted, measured)"""
    for key in ("ttft", "tpot", "e2e"):
        yield f"{key} mean", key, document[f"{key}_s"]["mean"], statistics.mean(truth[key])
        yield f"{key} median", key, document[f"{key}_s"]["p50"], statistics.median(truth[key])
    yield "ttft of the first 20", "first20", statistics.mean(result["ttfts"][:20]), statistics.mean(truth["ttft"][:20])
    yield "makespan", "makespan", document["duration_s"]["value"], truth["makespan"]
    yield "throughput", "throughput", document["output_tokens_per_s"]["value"], truth["tokens"] / truth["makespan"]


def problems(rigsim, result):
    for name, run in RUNS.items():
        document, detail = predicted(rigsim, MEASURED / name, run["arguments"], result)
        for what, key, value, truth in comparisons(document, detail, measured(MEASURED / name)):
            error = value / truth - 1
            print(f"{name}: {what} {value:.4g}, measured {truth:.4g}: {100 * error:+.1f} %")
            if abs(error) > LIMITS[key]:
                yield f"{name}: {what} is off by {100 * error:+.1f} %, allowed {100 * LIMITS[key]:.0f} %"
        if run["kv_blocks"]:
            error = document["kv_blocks"] / run["kv_blocks"] - 1
            print(f"{name}: {document['kv_blocks']} KV blocks, measured {run['kv_blocks']}: {100 * error:+.1f} %")
            if abs(error) > 0.03:
                yield f"{name}: KV blocks are off by {100 * error:+.1f} %, allowed 3 %"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        report(list(problems(sys.argv[1], f"{folder}/result.json")))
