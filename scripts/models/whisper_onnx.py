"""Builds Whisper base as ONNX from CTranslate2 float16 weights.

Writes encoder_model.onnx and decoder_model_merged.onnx with the tensor names of an optimum export; the
weights of matrix products are quantised to 8 bits in blocks of 64 (com.microsoft MatMulNBits), the
arithmetic around them is float32.
encoder_model_int8.onnx and decoder_model_merged_int8.onnx are for CPUs: the products over all positions of
the sound multiply integers, weights of 7 bits a row (8-bit products would saturate on CPUs without VNNI)
with activations quantised as they come. GPUs have no such operator.
decoder_model_merged_gpu.onnx is the decoder for GPUs: it makes the keys and values over the encoder's states
anew at every call, which takes them less than to take tens of megabytes from the host's memory.
alignment_model.onnx is the decoder once more, for a whole text at once and up to the attention by which
words are placed in time. The large weights of all decoders beyond the first lie in the first one's file.

usage: whisper_onnx.py OUT_DIR CONFIG_JSON MODEL_PART...      the parts of model.bin, in order
"""

import json
import os
import sys

import numpy as np
from onnx import TensorProto, helper

from ctranslate2_file import read_weights
from onnx_graph import CONTRIB, GraphBuilder, value_info

WIDTH = 512
HEADS = 8
HEAD_WIDTH = WIDTH // HEADS
LAYERS = 6
VOCABULARY = 51865
MEL_BANDS = 80
BLOCK = 64
BITS = 8
LARGEST_WEIGHT = 63


def quantise_rows(weight):
    """Quantises each row to 7 bits; returns the bytes as columns, for a product from the right, and the scales."""
    scale = np.maximum(np.abs(weight).max(1) / LARGEST_WEIGHT, 1e-9).astype(np.float32)
    quantised = np.clip(np.rint(weight / scale[:, None]), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    return quantised.astype(np.int8).T, scale


def quantise(weight):
    """Quantises rows in blocks of 64 to bytes around 128; each block's largest value maps to -128 exactly."""
    rows, columns = weight.shape
    blocks = weight.reshape(rows, columns // BLOCK, BLOCK)
    magnitude = np.abs(blocks)
    largest = magnitude.max(2)
    position = magnitude.argmax(2)
    sign = np.sign(np.take_along_axis(blocks, position[..., None], 2)[..., 0])
    scale = np.where(largest > 0, -sign * largest / 128.0, 1.0).astype(np.float32)
    quantised = np.clip(np.rint(blocks / scale[..., None]) + 128, 0, 255).astype(np.uint8)
    return quantised, scale


class WhisperBuilder(GraphBuilder):
    """The layers that encoder and decoder share."""

    def __init__(self, weights, integer=False):
        """integer: products over the positions of the sound multiply integers."""
        super().__init__()
        self.weights = weights
        self.integer = integer

    def weight(self, name):
        return self.weights[name].astype(np.float32)

    def linear(self, x, weight, bias, name, nodes=None):
        rows, columns = weight.shape
        quantised, scale = quantise(weight)
        inputs = [x, self.constant(quantised, name + ".q8"), self.constant(scale, name + ".s")]
        y = self.op(
            "MatMulNBits",
            inputs,
            nodes=nodes,
            domain=CONTRIB,
            K=columns,
            N=rows,
            bits=BITS,
            block_size=BLOCK,
            accuracy_level=4,
        )
        return self.op("Add", [y, self.constant(bias, name + ".b")], nodes=nodes)

    def linear_over_sound(self, x, weight, bias, name, nodes=None):
        """A linear layer over the encoder's positions: hundreds of rows, where integer products pay."""
        if not self.integer:
            return self.linear(x, weight, bias, name, nodes)
        quantised, scale = quantise_rows(weight)
        inputs = [
            x,
            self.constant(quantised, name + ".i8"),
            self.constant(scale, name + ".is"),
            self.constant(np.zeros(len(scale), np.int8), name + ".iz"),
            self.constant(bias, name + ".b"),
        ]
        return self.op("DynamicQuantizeMatMul", inputs, nodes=nodes, domain=CONTRIB)

    def stored_linear(self, x, path, name, over_sound=False):
        layer = self.linear_over_sound if over_sound else self.linear
        return layer(x, self.weight(path + "/weight"), self.weight(path + "/bias"), name)

    def layer_norm(self, x, path, outputs=1, names=None):
        gamma, beta = names or (path + ".g", path + ".b")
        inputs = [
            x,
            self.constant(self.weight(path + "/gamma"), gamma),
            self.constant(self.weight(path + "/beta"), beta),
        ]
        return self.op("LayerNormalization", inputs, outputs, axis=-1, epsilon=1e-5)

    def attention(self, inputs, outputs=1, nodes=None, **attributes):
        return self.op(
            "MultiHeadAttention",
            inputs,
            outputs,
            nodes=nodes,
            domain=CONTRIB,
            num_heads=HEADS,
            **attributes,
            scale=HEAD_WIDTH**-0.5,
        )

    def split_in_three(self, x):
        return self.op("Split", [x], 3, axis=-1, num_outputs=3)

    def feed_forward(self, x, path, name, over_sound=False):
        h = self.layer_norm(x, path + "ffn/layer_norm")
        h = self.stored_linear(h, path + "ffn/linear_0", name + ".f1", over_sound)
        h = self.stored_linear(self.op("Gelu", [h]), path + "ffn/linear_1", name + ".f2", over_sound)
        return self.op("Add", [x, h])


def build_encoder(weights, path, integer=False):
    g = WhisperBuilder(weights, integer)
    x = "input_features"
    for number, strides in ((1, {}), (2, {"strides": [2]})):
        kernel = g.constant(g.weight(f"encoder/conv{number}/weight"), f"conv{number}.w")
        bias = g.constant(g.weight(f"encoder/conv{number}/bias"), f"conv{number}.b")
        x = g.op("Conv", [x, kernel, bias], pads=[1, 1], **strides)
        x = g.op("Gelu", [x])
    x = g.op("Transpose", [x], perm=[0, 2, 1])
    length = g.op("Shape", [x], start=1, end=2)
    table = g.constant(g.weight("encoder/position_encodings/encodings"), "pos")
    start, axis = g.constant(np.array([0])), g.constant(np.array([0]))
    x = g.op("Add", [x, g.op("Slice", [table, start, length, axis])])
    for layer in range(LAYERS):
        prefix, name = f"encoder/layer_{layer}/", f"e{layer}"
        h = g.layer_norm(x, prefix + "self_attention/layer_norm")
        query_key_value = g.split_in_three(
            g.stored_linear(h, prefix + "self_attention/linear_0", name + ".qkv", over_sound=True)
        )
        attended = g.attention(query_key_value, unidirectional=0)
        attended = g.stored_linear(
            attended, prefix + "self_attention/linear_1", name + ".o", over_sound=True
        )
        x = g.feed_forward(g.op("Add", [x, attended]), prefix, name, over_sound=True)
    g.layer_norm(x, "encoder/layer_norm", ["last_hidden_state"], names=("lng", "lnb"))
    g.save(
        path,
        [value_info("input_features", shape=["batch", MEL_BANDS, "frames"])],
        [value_info("last_hidden_state", shape=["batch", "positions", WIDTH])],
        "Whisper base encoder; frames even, 2..3000",
    )


def cross_attention(g, layer, query, condition, head_shape):
    """Attention over the encoder's states: keys and values come from the cache, or are made in the first call."""
    path = f"decoder/layer_{layer}/attention/linear_1"
    weight, bias = g.weight(path + "/weight"), g.weight(path + "/bias")
    cached, fresh = [], []
    past = [f"past_key_values.{layer}.encoder.{part}" for part in ("key", "value")]
    g.attention([query, *past], [f"ca{layer}_t"], nodes=cached)
    for part in "kv":
        shape = g.constant(np.array([0, HEADS, 1, HEAD_WIDTH]), "empty_sh")
        cached.append(helper.make_node("ConstantOfShape", [shape], [f"ct{layer}{part}"]))
    for i, part in enumerate("kv"):
        rows = slice(i * WIDTH, (i + 1) * WIDTH)
        y = g.linear_over_sound(
            "encoder_hidden_states", weight[rows], bias[rows], f"d{layer}.c{part}", nodes=fresh
        )
        y = g.op("Reshape", [y, head_shape], nodes=fresh)
        g.op("Transpose", [y], [f"ce{layer}{part}"], nodes=fresh, perm=[0, 2, 1, 3])
    g.attention([query, f"ce{layer}k", f"ce{layer}v"], [f"ca{layer}_e"], nodes=fresh)
    branches = {
        "then_branch": helper.make_graph(
            cached,
            f"cached{layer}",
            [],
            [value_info(n) for n in (f"ca{layer}_t", f"ct{layer}k", f"ct{layer}v")],
        ),
        "else_branch": helper.make_graph(
            fresh,
            f"fresh{layer}",
            [],
            [value_info(n) for n in (f"ca{layer}_e", f"ce{layer}k", f"ce{layer}v")],
        ),
    }
    outputs = [f"ca{layer}", f"present.{layer}.encoder.key", f"present.{layer}.encoder.value"]
    g.nodes.append(helper.make_node("If", [condition], outputs, name=f"If_{layer}", **branches))
    return f"ca{layer}"


def fresh_cross_attention(g, layer, query, head_shape):
    """Attention over the encoder's states; keys and values are made in every call."""
    path = f"decoder/layer_{layer}/attention/linear_1"
    weight, bias = g.weight(path + "/weight"), g.weight(path + "/bias")
    made = []
    for i, part in enumerate(("key", "value")):
        rows = slice(i * WIDTH, (i + 1) * WIDTH)
        y = g.linear("encoder_hidden_states", weight[rows], bias[rows], f"d{layer}.c{part[0]}")
        y = g.op("Reshape", [y, head_shape])
        name = f"present.{layer}.encoder.{part}"
        made.append(g.op("Transpose", [y], [name], perm=[0, 2, 1, 3]))
    return g.attention([query, *made])


def embed_tokens(g):
    """Looks the token embeddings up in their 8-bit table; returns them with the table's two constants."""
    quantised, scale = quantise(g.weight("decoder/embeddings/weight"))
    table, scales = g.constant(quantised, "emb.q8"), g.constant(scale, "emb.s")
    rows = g.op("Cast", [g.op("Gather", [table, "input_ids"])], to=TensorProto.FLOAT)
    rows = g.op("Sub", [rows, g.constant(np.float32(128))])
    row_scales = g.op("Gather", [scales, "input_ids"])
    rows = g.op("Mul", [rows, g.op("Unsqueeze", [row_scales, g.constant(np.array([-1]))])])
    return g.op("Reshape", [rows, g.constant(np.array([0, 0, WIDTH]))]), table, scales


def add_positions(g, x, start):
    new = g.op("Shape", ["input_ids"], start=1, end=2)
    table = g.constant(g.weight("decoder/position_encodings/encodings"), "pos")
    end = g.op("Add", [start, new])
    return g.op("Add", [x, g.op("Slice", [table, start, end, g.constant(np.array([0]))])])


def decoder_layer(g, layer, x, condition, head_shape):
    """condition: name of the tensor that says whether the cache over the encoder is full; None: there is none."""
    prefix, name = f"decoder/layer_{layer}/", f"d{layer}"
    h = g.layer_norm(x, prefix + "self_attention/layer_norm")
    query_key_value = g.split_in_three(
        g.stored_linear(h, prefix + "self_attention/linear_0", name + ".qkv")
    )
    past = [f"past_key_values.{layer}.decoder.{part}" for part in ("key", "value")]
    attended, _, _ = g.attention(
        [*query_key_value, "", "", "", *past],
        [f"sa{layer}", f"present.{layer}.decoder.key", f"present.{layer}.decoder.value"],
        unidirectional=1,
    )
    x = g.op("Add", [x, g.stored_linear(attended, prefix + "self_attention/linear_1", name + ".so")])
    h = g.layer_norm(x, prefix + "attention/layer_norm")
    query = g.stored_linear(h, prefix + "attention/linear_0", name + ".cq")
    if condition is None:
        crossed = fresh_cross_attention(g, layer, query, head_shape)
    else:
        crossed = cross_attention(g, layer, query, condition, head_shape)
    x = g.op("Add", [x, g.stored_linear(crossed, prefix + "attention/linear_2", name + ".co")])
    return g.feed_forward(x, prefix, name)


def cache_tensors(prefix, own_length, encoder_length=None):
    """The key and value tensors of every layer, the decoder's own before those over the encoder, if there are any."""
    sides = [("decoder", own_length), ("encoder", encoder_length)]
    return [
        value_info(
            f"{prefix}.{layer}.{side}.{part}", shape=["batch", HEADS, length, HEAD_WIDTH]
        )
        for layer in range(LAYERS)
        for side, length in sides
        if length is not None
        for part in ("key", "value")
    ]


def build_decoder(weights, path, integer=False, weights_in=None, keeps_cross_cache=True):
    """keeps_cross_cache: keys and values over the encoder's states are made once, and given back at every call."""
    g = WhisperBuilder(weights, integer)
    x, table, scales = embed_tokens(g)
    x = add_positions(g, x, g.op("Shape", ["past_key_values.0.decoder.key"], start=2, end=3))
    condition = g.op("Squeeze", ["use_cache_branch"]) if keeps_cross_cache else None
    head_shape = g.constant(np.array([0, 0, HEADS, HEAD_WIDTH]), "sh4")
    for layer in range(LAYERS):
        x = decoder_layer(g, layer, x, condition, head_shape)
    x = g.layer_norm(x, "decoder/layer_norm")
    g.op(
        "MatMulNBits",
        [x, table, scales],
        ["logits"],
        domain=CONTRIB,
        K=WIDTH,
        N=VOCABULARY,
        bits=BITS,
        block_size=BLOCK,
        accuracy_level=4,
    )
    if keeps_cross_cache:
        past = [
            *cache_tensors("past_key_values", "past", "positions_past"),
            value_info("use_cache_branch", TensorProto.BOOL, [1]),
        ]
    else:
        past = cache_tensors("past_key_values", "past")
    g.save(
        path,
        [
            value_info("input_ids", TensorProto.INT64, ["batch", "n"]),
            value_info("encoder_hidden_states", shape=["batch", "positions", WIDTH]),
            *past,
        ],
        [
            value_info("logits", shape=["batch", "n", VOCABULARY]),
            *cache_tensors("present", "past_plus_n", "positions_out"),
        ],
        "Whisper base decoder, optimum merged layout",
        weights_in=weights_in,
    )


def head_scores(g, layer, query, heads, head_shape):
    """Attention of some heads over the encoder's positions before the softmax: [batch, heads, n, positions]."""
    chosen = g.constant(np.array(heads))
    query = g.op("Transpose", [g.op("Reshape", [query, head_shape])], perm=[0, 2, 1, 3])
    query = g.op("Gather", [query, chosen], axis=1)
    key = g.op("Gather", [f"past_key_values.{layer}.encoder.key", chosen], axis=1)
    product = g.op("MatMul", [query, g.op("Transpose", [key], perm=[0, 1, 3, 2])])
    return g.op("Mul", [product, g.constant(np.float32(HEAD_WIDTH**-0.5), "head_scale")])


def build_alignment(weights, path, alignment_heads, decoder_path):
    """The decoder over a whole text, teacher-forced, up to the last layer with an alignment head."""
    g = WhisperBuilder(weights)
    x, _, _ = embed_tokens(g)
    x = add_positions(g, x, g.constant(np.array([0])))
    head_shape = g.constant(np.array([0, 0, HEADS, HEAD_WIDTH]), "sh4")
    last = max(layer for layer, _ in alignment_heads)
    scores = []
    for layer in range(last + 1):
        prefix, name = f"decoder/layer_{layer}/", f"d{layer}"
        h = g.layer_norm(x, prefix + "self_attention/layer_norm")
        query_key_value = g.split_in_three(
            g.stored_linear(h, prefix + "self_attention/linear_0", name + ".qkv")
        )
        attended = g.attention(query_key_value, unidirectional=1)
        attended = g.stored_linear(attended, prefix + "self_attention/linear_1", name + ".so")
        x = g.op("Add", [x, attended])
        h = g.layer_norm(x, prefix + "attention/layer_norm")
        query = g.stored_linear(h, prefix + "attention/linear_0", name + ".cq")
        heads = [head for other, head in alignment_heads if other == layer]
        if heads:
            scores.append(head_scores(g, layer, query, heads, head_shape))
        if layer == last:
            break
        past = [f"past_key_values.{layer}.encoder.{part}" for part in ("key", "value")]
        crossed = g.attention([query, *past])
        crossed = g.stored_linear(crossed, prefix + "attention/linear_2", name + ".co")
        x = g.feed_forward(g.op("Add", [x, crossed]), prefix, name)
    g.op("Concat", scores, ["alignment_scores"], axis=1)
    cache = [
        value_info(
            f"past_key_values.{layer}.encoder.{part}",
            shape=["batch", HEADS, "positions", HEAD_WIDTH],
        )
        for layer in range(last + 1)
        for part in ("key", "value")
        if layer < last or part == "key"
    ]
    g.save(
        path,
        [value_info("input_ids", TensorProto.INT64, ["batch", "n"]), *cache],
        [value_info("alignment_scores", shape=["batch", len(alignment_heads), "n", "positions"])],
        "Whisper base alignment heads: attention before the softmax",
        weights_in=decoder_path,
    )


def main(out_dir, config_json, *parts):
    with open(config_json, encoding="utf-8") as file:
        alignment_heads = sorted(tuple(pair) for pair in json.load(file)["alignment_heads"])
    pieces = []
    for part in parts:
        with open(part, "rb") as file:
            pieces.append(file.read())
    weights = read_weights(b"".join(pieces))
    del pieces
    os.makedirs(out_dir, exist_ok=True)
    build_encoder(weights, os.path.join(out_dir, "encoder_model.onnx"))
    decoder_path = os.path.join(out_dir, "decoder_model_merged.onnx")
    build_decoder(weights, decoder_path)
    build_encoder(weights, os.path.join(out_dir, "encoder_model_int8.onnx"), integer=True)
    build_decoder(
        weights,
        os.path.join(out_dir, "decoder_model_merged_int8.onnx"),
        integer=True,
        weights_in=decoder_path,
    )
    build_decoder(
        weights,
        os.path.join(out_dir, "decoder_model_merged_gpu.onnx"),
        weights_in=decoder_path,
        keeps_cross_cache=False,
    )
    alignment_path = os.path.join(out_dir, "alignment_model.onnx")
    build_alignment(weights, alignment_path, alignment_heads, decoder_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
