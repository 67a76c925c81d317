"""Requantises the heavy convolutions of Kokoro's vocoder, and writes both forms over one weight file.

model.onnx runs them as QLinearConv: activations 8-bit with a dynamic input scale and a calibrated output
scale per channel, weights 7-bit per channel (8-bit products would saturate on CPUs without VNNI), after
SmoothQuant (Xiao et al., 2022) has moved the spread of the input channels into the weights.
model_float.onnx holds the same weights and computes in float32, for GPUs, with products in the place of all
convolutions. Both have products in the place of the transposed convolutions and of the Fourier transform.
The activation ranges were measured once over 16 sentences; kokoro_ranges.npz holds them.

usage: kokoro_vocoder.py OUT_DIR WEIGHT_ONLY.onnx RANGES.npz
"""

import decimal
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from matrix_products import ProductRewriter
from onnx_graph import prune

HEAVY_CONVOLUTIONS = ("resblocks", "noise_res")
LARGEST_WEIGHT = 63
SMOOTHING = 0.85  # SmoothQuant's alpha
PRODUCTS_ON_CPU = ("ConvTranspose", "STFT")
PRODUCTS_ON_GPU = ("Conv", "ConvTranspose", "STFT")
SMALLEST_EXTERNAL_BYTES = 1024
ALIGNMENT_BYTES = 64


def evaluate(name, initializers, producer):
    """Computes a weight from the Cast, Sub and Mul nodes that expand it."""
    if name in initializers:
        return numpy_helper.to_array(initializers[name]).astype(np.float32)
    node = producer[name]
    if node.op_type == "Cast":
        return evaluate(node.input[0], initializers, producer)
    left, right = (evaluate(i, initializers, producer) for i in node.input)
    if node.op_type == "Sub":
        return left - right
    if node.op_type == "Mul":
        return left * right
    raise ValueError(f"{name} is made by {node.op_type}, which expands no weight")


def smoothing_factors(spread, weight_spread):
    """SmoothQuant's factor of each channel, its geometric mean 1.

    In decimal arithmetic, which is exact to the last digit: numpy's powers and logarithms differ in theirs
    from one processor to the next, and the lock file knows one result.
    """
    with decimal.localcontext(decimal.Context(prec=28)):
        alpha = decimal.Decimal(str(SMOOTHING))
        logs = [
            alpha * decimal.Decimal(float(inputs)).ln()
            - (1 - alpha) * decimal.Decimal(float(weights)).ln()
            for inputs, weights in zip(spread, weight_spread, strict=True)
        ]
        mean = sum(logs) / len(logs)
        return np.array([float((log - mean).exp()) for log in logs]).astype(np.float32)


class VocoderQuantiser:
    """Replaces one model's heavy convolutions; `added` holds the new constants in the order of creation."""

    def __init__(self, model, ranges):
        self.graph = model.graph
        self.ranges = ranges
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.producer = {o: node for node in self.graph.node for o in node.output}
        self.added = []
        self.quantised_inputs = set()

    def constant(self, array, name):
        self.added.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def range_of(self, name):
        """The smallest and largest value of each channel, as measured."""
        return (self.ranges[name + "__mn"].astype(float), self.ranges[name + "__mx"].astype(float))

    def is_heavy(self, node):
        return (
            node.op_type == "Conv"
            and any(pattern in node.name for pattern in HEAVY_CONVOLUTIONS)
            and node.input[1] in self.producer
        )

    def smooth(self, node, weight, prefix, nodes):
        """Divides the input by a factor per channel and multiplies the weight by it."""
        low, high = self.range_of(node.input[0] + "__in")
        spread = np.maximum(np.maximum(-low, high), 1e-5)
        weight_spread = np.maximum(np.abs(weight).max((0, 2)), 1e-6)
        factor = smoothing_factors(spread, weight_spread)
        inverse = self.constant((1 / factor).reshape(-1, 1).astype(np.float32), prefix + "sm")
        nodes.append(helper.make_node("Mul", [node.input[0], inverse], [prefix + "x"]))
        return weight * factor[None, :, None], prefix + "x"

    def quantised_convolution(self, node):
        """Returns the nodes that take the convolution's place."""
        nodes = []
        output = node.output[0]
        prefix = output + "__q"
        weight = evaluate(node.input[1], self.initializers, self.producer)
        bias = numpy_helper.to_array(self.initializers[node.input[2]])
        low, high = self.range_of(output)
        low, high = low - bias, high - bias
        scale = np.maximum(np.maximum(-low, high) / 127, 1e-6).astype(np.float32)
        weight, source = self.smooth(node, weight, prefix, nodes)
        channels = weight.shape[0]
        largest = np.abs(weight).reshape(channels, -1).max(1)
        weight_scale = np.maximum(largest / LARGEST_WEIGHT, 1e-9).astype(np.float32)
        quantised = np.rint(weight / weight_scale[:, None, None])
        quantised = np.clip(quantised, -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8)
        byte_input = [source + "__u8", source + "__xs", source + "__xz"]
        if source not in self.quantised_inputs:
            nodes.append(helper.make_node("DynamicQuantizeLinear", [source], byte_input))
            self.quantised_inputs.add(source)
        inputs = [
            *byte_input,
            self.constant(quantised, prefix + "w"),
            self.constant((weight_scale / scale).astype(np.float32), prefix + "ws"),
            self.constant(np.zeros(channels, np.int8), prefix + "wz"),
            self.constant(np.float32(1), prefix + "ys"),
            self.constant(np.uint8(128), prefix + "yz"),
        ]
        convolution = helper.make_node(
            "QLinearConv", inputs, [prefix + "y"], name=node.name + "_q"
        )
        convolution.attribute.extend(node.attribute)
        zero_points = np.full(channels, 128, np.uint8)
        back = [
            prefix + "y",
            self.constant(scale, prefix + "s"),
            self.constant(zero_points, prefix + "dz"),
        ]
        shift = self.constant(bias.reshape(-1, 1), prefix + "b")
        nodes.append(convolution)
        nodes.append(helper.make_node("DequantizeLinear", back, [prefix + "d"], axis=1))
        nodes.append(helper.make_node("Add", [prefix + "d", shift], [output]))
        return nodes

    def rewrite(self):
        nodes = []
        for node in self.graph.node:
            nodes.extend(self.quantised_convolution(node) if self.is_heavy(node) else [node])
        prune(self.graph, nodes, [*self.graph.initializer, *self.added])


def rewrite_as_float(model, added):
    """Gives the heavy convolutions of the untouched model the requantised weights, expanded to float32."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in added}
    new, expansions = [], []

    def array(name):
        return numpy_helper.to_array(constants[name])

    for node in graph.node:
        prefix = node.output[0] + "__q"
        if node.op_type != "Conv" or prefix + "w" not in constants:
            continue
        scale = (array(prefix + "ws") * array(prefix + "s")).reshape(-1, 1, 1).astype(np.float32)
        new.append(constants[prefix + "w"])
        new.append(numpy_helper.from_array(scale, prefix + "wk"))
        smoothing = array(prefix + "sm").reshape(1, -1, 1)
        new.append(numpy_helper.from_array(smoothing, prefix + "sk"))
        expansions += [
            helper.make_node("Cast", [prefix + "w"], [prefix + "wc"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [prefix + "wc", prefix + "wk"], [prefix + "wm"]),
            helper.make_node("Mul", [prefix + "wm", prefix + "sk"], [prefix + "wn"]),
        ]
        node.input[1] = prefix + "wn"
    prune(graph, expansions + list(graph.node), [*graph.initializer, *new])


def rewrite_as_products(model, kinds):
    nodes, constants = ProductRewriter(model.graph).rewrite(kinds)
    prune(model.graph, nodes, constants)


def share_weights(models, data_name):
    """Moves the larger constants of all models into one block of bytes, each once, and returns it."""
    blob = bytearray()
    places = {}
    for model in models:
        for tensor in model.graph.initializer:
            raw = numpy_helper.to_array(tensor).tobytes()
            if len(raw) < SMALLEST_EXTERNAL_BYTES:
                continue
            if tensor.name not in places:
                blob.extend(bytes(-len(blob) % ALIGNMENT_BYTES))
                places[tensor.name] = (len(blob), len(raw))
                blob += raw
            offset, length = places[tensor.name]
            if blob[offset : offset + length] != raw:
                raise ValueError(f"two different constants are named {tensor.name}")
            for field in ("raw_data", "float_data", "int32_data", "int64_data"):
                tensor.ClearField(field)
            tensor.data_location = TensorProto.EXTERNAL
            del tensor.external_data[:]
            for key, value in (("location", data_name), ("offset", offset), ("length", length)):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
    return blob


def main(out_dir, source, ranges_path):
    quantised, floating = onnx.load(source), onnx.load(source)
    with np.load(ranges_path) as ranges:
        quantiser = VocoderQuantiser(quantised, ranges)
        quantiser.rewrite()
    rewrite_as_float(floating, quantiser.added)
    rewrite_as_products(quantised, PRODUCTS_ON_CPU)
    rewrite_as_products(floating, PRODUCTS_ON_GPU)
    blob = share_weights((quantised, floating), "model.weights.bin")
    os.makedirs(out_dir, exist_ok=True)
    for name, data in (
        ("model.weights.bin", blob),
        ("model.onnx", quantised.SerializeToString()),
        ("model_float.onnx", floating.SerializeToString()),
    ):
        with open(os.path.join(out_dir, name), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
