"""Converts a Bergamot "tiny11" model (Marian, 8-bit, transformer encoder and SSRU decoder) to ONNX.

Writes encoder.onnx, decoder.onnx and vocab.json; the 8-bit weights are taken over without loss.

usage: marian_onnx.py OUT_DIR MODEL.intgemm.alphas.bin VOCAB.spm
"""

import json
import math
import os
import struct
import sys

import numpy as np
import sentencepiece
from onnx import TensorProto

from marian_file import read_weights
from onnx_graph import CONTRIB, GraphBuilder, value_info

WIDTH = 256
HEADS = 8
HEAD_WIDTH = WIDTH // HEADS
VOCABULARY = 32000
MAX_POSITIONS = 512
ENCODER_LAYERS = 6
DECODER_LAYERS = (1, 2)
BLOCK = 256
UNKNOWN_ID = 1


def position_table():
    """Sinusoidal positions, sines before cosines ("Attention is all you need", in Marian's layout)."""
    half = WIDTH // 2
    frequency = np.exp(np.arange(half) * -(math.log(10000) / (half - 1)))
    angle = np.arange(MAX_POSITIONS)[:, None] * frequency[None]
    return np.concatenate([np.sin(angle), np.cos(angle)], 1).astype(np.float32)


class MarianBuilder(GraphBuilder):
    """The layers that encoder and decoder share."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights
        self.positions = position_table()

    def float_weight(self, name):
        shape, data = self.weights[name]
        return np.frombuffer(data[: 4 * int(np.prod(shape))], np.float32).reshape(-1).copy()

    def byte_weight(self, name, embedding=False):
        """Returns (bytes around 128 in rows of blocks, block scales, K, N); stored transposed: N rows of K."""
        shape, data = self.weights[name]
        count = shape[0] * shape[1]
        scale = 1 / struct.unpack_from("<f", data, count)[0]
        columns, rows = (shape[1], shape[0]) if embedding else (shape[0], shape[1])
        signed = np.frombuffer(data[:count], np.int8).astype(np.int16)
        blocks = columns // BLOCK
        quantised = (signed + 128).astype(np.uint8).reshape(rows, blocks, BLOCK)
        return quantised, np.full((rows, blocks), scale, np.float32), columns, rows

    def matmul(self, x, name, embedding=False):
        quantised, scale, columns, rows = self.byte_weight(name, embedding)
        inputs = [x, self.constant(quantised, name), self.constant(scale, name + ".s")]
        return self.op(
            "MatMulNBits",
            inputs,
            domain=CONTRIB,
            K=columns,
            N=rows,
            bits=8,
            block_size=BLOCK,
            accuracy_level=4,
        )

    def linear(self, x, weight, bias):
        y = self.matmul(x, weight)
        return self.op("Add", [y, self.constant(self.float_weight(bias), bias)])

    def add_and_norm(self, a, b, path):
        inputs = [
            self.op("Add", [a, b]),
            self.constant(self.float_weight(path + "_ln_scale"), path + ".g"),
            self.constant(self.float_weight(path + "_ln_bias"), path + ".b"),
        ]
        return self.op("LayerNormalization", inputs, axis=-1, epsilon=1e-6)

    def attention(self, query, key, value):
        inputs = [query, key, value]
        return self.op(
            "MultiHeadAttention", inputs, domain=CONTRIB, num_heads=HEADS, scale=HEAD_WIDTH**-0.5
        )

    def feed_forward(self, x, path):
        h = self.op("Relu", [self.linear(x, path + "_ffn_W1", path + "_ffn_b1")])
        h = self.linear(h, path + "_ffn_W2", path + "_ffn_b2")
        return self.add_and_norm(h, x, path + "_ffn_ffn")

    def embed(self, ids):
        quantised, scale, _, _ = self.byte_weight("Wemb", embedding=True)
        factor = np.float32(scale[0, 0] * math.sqrt(WIDTH))
        rows = self.op("Gather", [self.constant(quantised, "Wemb"), ids])
        rows = self.op("Cast", [rows], to=TensorProto.FLOAT)
        rows = self.op("Sub", [rows, self.constant(np.float32(128))])
        rows = self.op("Mul", [rows, self.constant(factor)])
        return self.op("Reshape", [rows, self.constant(np.array([0, 0, WIDTH]))])


def cross_tensors():
    return [
        value_info(f"cross_{part}_{layer}", shape=["batch", HEADS, "source", HEAD_WIDTH])
        for layer in DECODER_LAYERS
        for part in "kv"
    ]


def state_tensors(suffix=""):
    return [
        value_info(f"state_{layer}{suffix}", shape=["batch", 1, WIDTH]) for layer in DECODER_LAYERS
    ]


def build_encoder(weights, path):
    """From source ids to the keys and values that the decoder's cross-attention needs."""
    g = MarianBuilder(weights)
    x = g.embed("input_ids")
    table, start = g.constant(g.positions, "pos"), g.constant(np.array([0]))
    length = g.op("Shape", ["input_ids"], start=1, end=2)
    x = g.op("Add", [x, g.op("Slice", [table, start, length, g.constant(np.array([0]))])])
    for layer in range(1, ENCODER_LAYERS + 1):
        p = f"encoder_l{layer}"
        attended = g.attention(*(g.linear(x, f"{p}_self_W{k}", f"{p}_self_b{k}") for k in "qkv"))
        projected = g.linear(attended, p + "_self_Wo", p + "_self_bo")
        x = g.add_and_norm(projected, x, p + "_self_Wo")
        x = g.feed_forward(x, p)
    for layer in DECODER_LAYERS:
        for part in "kv":
            p = f"decoder_l{layer}_context"
            y = g.linear(x, f"{p}_W{part}", f"{p}_b{part}")
            y = g.op("Reshape", [y, g.constant(np.array([0, 0, HEADS, HEAD_WIDTH]))])
            g.op("Transpose", [y], [f"cross_{part}_{layer}"], perm=[0, 2, 1, 3])
    ids = value_info("input_ids", TensorProto.INT64, ["batch", "source"])
    g.save(path, [ids], cross_tensors())


def decoder_layer(g, layer, x):
    p = f"decoder_l{layer}"
    forget = g.op("Sigmoid", [g.linear(x, p + "_rnn_Wf", p + "_rnn_bf")])
    new = g.matmul(x, p + "_rnn_W")
    kept = g.op("Mul", [forget, g.op("Sub", [f"state_{layer}", new])])
    state = g.op("Add", [new, kept], [f"state_{layer}_out"])
    x = g.add_and_norm(g.op("Relu", [state]), x, p + "_rnn_ffn")
    query = g.linear(x, p + "_context_Wq", p + "_context_bq")
    attended = g.attention(query, f"cross_k_{layer}", f"cross_v_{layer}")
    projected = g.linear(attended, p + "_context_Wo", p + "_context_bo")
    x = g.add_and_norm(projected, x, p + "_context_Wo")
    return g.feed_forward(x, p)


def build_decoder(weights, path):
    """One step: the previous token (-1 at the start: a zero embedding) to the next one, by greedy choice."""
    g = MarianBuilder(weights)
    zero = g.constant(np.array(0))
    embedded = g.embed(g.op("Max", ["prev_token", zero]))
    present = g.op("Cast", [g.op("GreaterOrEqual", ["prev_token", zero])], to=TensorProto.FLOAT)
    x = g.op("Mul", [embedded, g.op("Unsqueeze", [present, g.constant(np.array([-1]))])])
    x = g.op("Add", [x, g.op("Gather", [g.constant(g.positions, "pos"), "position"])])
    for layer in DECODER_LAYERS:
        x = decoder_layer(g, layer, x)
    bias = g.float_weight("decoder_ff_logit_out_b")
    bias[UNKNOWN_ID] = -1e9  # the unknown token is never an answer
    y = g.matmul(x, "Wemb", embedding=True)
    g.op("Add", [y, g.constant(bias, "out.b")], ["logits"])
    g.op("ArgMax", ["logits"], ["next_token"], axis=-1, keepdims=0)
    g.save(
        path,
        [
            value_info("prev_token", TensorProto.INT64, ["batch", 1]),
            value_info("position", TensorProto.INT64, [1]),
            *state_tensors(),
            *cross_tensors(),
        ],
        [
            value_info("next_token", TensorProto.INT64, ["batch", 1]),
            value_info("logits", shape=["batch", 1, VOCABULARY]),
            *state_tensors("_out"),
        ],
    )


def write_vocabulary(spm_path, path):
    """Writes [[piece, score]…] in the order of ids."""
    processor = sentencepiece.SentencePieceProcessor(model_file=spm_path)
    pieces = [
        [processor.id_to_piece(i), round(processor.get_score(i), 5)]
        for i in range(processor.get_piece_size())
    ]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(pieces, file, ensure_ascii=False, separators=(",", ":"))


def main(out_dir, model_path, spm_path):
    weights = read_weights(model_path)
    os.makedirs(out_dir, exist_ok=True)
    build_encoder(weights, os.path.join(out_dir, "encoder.onnx"))
    build_decoder(weights, os.path.join(out_dir, "decoder.onnx"))
    write_vocabulary(spm_path, os.path.join(out_dir, "vocab.json"))


if __name__ == "__main__":
    main(*sys.argv[1:])
