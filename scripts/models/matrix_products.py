"""Puts matrix products in the place of a graph's convolutions and short-time Fourier transform.

Libraries for GPUs plan every convolution anew for each length of sound, which takes longer than the
convolution, and there is no STFT operator for GPUs at all. Products need no plan. On a CPU, too, those
that stand for an STFT or for a transposed convolution of single channels are faster than the operators.

Tensors are [1, channels, time]; weights may be the result of nodes that the runtime folds when it loads.
"""

import math

import numpy as np
from onnx import helper, numpy_helper

TO_THE_END = np.iinfo(np.int64).max
# Given to the imaginary part of the bands that are real (the lowest and the highest): a graph that tells the
# phase of a negative number from the sign of its imaginary part then finds +pi, as for the number itself.
SMALLEST_PART = 1e-20


class ProductRewriter:
    """Rewrites nodes of one graph; `nodes` holds the graph's new nodes, `added` its new constants."""

    def __init__(self, graph):
        self.graph = graph
        self.shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        self.values = {tensor.name: tensor for tensor in graph.initializer}
        self.producer = {output: node for node in graph.node for output in node.output}
        self.added = {}
        self.nodes = []
        self.expansions = []  # nodes over weights alone

    def constant(self, array, name):
        if name not in self.added:
            self.added[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64), "__i" + "_".join(map(str, values)))

    def append(self, kind, inputs, output, nodes=None, **attributes):
        """Appends a node with one output and returns the output's name."""
        (self.nodes if nodes is None else nodes).append(
            helper.make_node(kind, inputs, [output], **attributes)
        )
        return output

    def cut(self, source, start, end, axis, output, step=1):
        places = [self.integers(value) for value in (start, end, axis, step)]
        return self.append("Slice", [source, *places], output)

    def widened(self, source, before, after, output, rank=3):
        """Zeros before and after, along the last axis."""
        if before == 0 and after == 0:
            return source
        pads = [0] * (rank - 1) + [before] + [0] * (rank - 1) + [after]
        return self.append("Pad", [source, self.integers(*pads)], output)

    def weight_shape(self, name):
        """The shape of a constant, or of what is computed from one without changing it."""
        while name not in self.shapes:
            name = self.producer[name].input[0]
        return self.shapes[name]

    def with_bias(self, node, product, channels):
        """Adds the convolution's bias, if it has one, and names the sum as the convolution's output."""
        output = node.output[0]
        if len(node.input) < 3 or not node.input[2]:
            self.append("Identity", [product], output)
            return
        bias = numpy_helper.to_array(self.values[node.input[2]]).reshape(channels, 1)
        self.append("Add", [product, self.constant(bias, output + "__pb")], output)

    def convolution(self, node):
        """The input's shifted copies, one below the other, times the weights laid out to match."""
        attributes = attributes_of(node)
        source, output = node.input[0], node.output[0]
        channels, _, kernel = self.weight_shape(node.input[1])
        [stride], [dilation] = attributes["strides"], attributes["dilations"]
        prefix = output + "__p"
        flat = self.append(
            "Transpose", [node.input[1]], prefix + "t", self.expansions, perm=[0, 2, 1]
        )
        weight = self.append(
            "Reshape", [flat, self.integers(channels, -1)], prefix + "w", self.expansions
        )
        widened = self.widened(source, *attributes["pads"], prefix + "x")
        reach = (kernel - 1) * dilation
        taps = [
            widened
            if reach == 0 and stride == 1
            else self.cut(
                widened,
                tap * dilation,
                tap * dilation - reach or TO_THE_END,
                2,
                f"{prefix}x{tap}",
                stride,
            )
            for tap in range(kernel)
        ]
        columns = taps[0] if kernel == 1 else self.append("Concat", taps, prefix + "c", axis=1)
        product = self.append("MatMul", [weight, columns], prefix + "m")
        self.with_bias(node, product, channels)

    def transposed_convolution(self, node):
        """What each sample gives to the samples around it, as runs of `stride` that overlap and add."""
        attributes = attributes_of(node)
        source, output = node.input[0], node.output[0]
        prefix = output + "__p"
        [stride] = attributes["strides"]
        weight = numpy_helper.to_array(self.values[node.input[1]])
        inputs, outputs, kernel = weight.shape
        runs = -(-kernel // stride)
        spare = runs * stride - kernel
        weight = np.pad(weight, ((0, 0), (0, 0), (0, spare)))
        if attributes["group"] == 1:
            channels = outputs
            rows = weight.transpose(1, 2, 0).reshape(channels * runs * stride, inputs)
            product = self.append(
                "MatMul", [self.constant(rows, prefix + "w"), source], prefix + "m"
            )
            shape = self.integers(1, channels, runs * stride, -1)
            spread = self.append("Reshape", [product, shape], prefix + "r")
        else:
            channels = inputs
            columns = weight.reshape(channels, runs * stride, 1)
            single = self.append("Unsqueeze", [source, self.integers(2)], prefix + "u")
            spread = self.append(
                "Mul", [single, self.constant(columns, prefix + "w")], prefix + "m"
            )
        total = None
        for run in range(runs):
            piece = self.cut(
                spread, run * stride, (run + 1) * stride, 2, f"{prefix}s{run}"
            )
            placed = self.widened(piece, run, runs - 1 - run, f"{prefix}p{run}", rank=4)
            total = (
                placed
                if total is None
                else self.append("Add", [total, placed], f"{prefix}a{run}")
            )
        turned = self.append("Transpose", [total], prefix + "t", perm=[0, 1, 3, 2])
        line = self.append(
            "Reshape", [turned, self.integers(1, channels, -1)], prefix + "l"
        )
        before, after = attributes["pads"]
        after += spare - attributes.get("output_padding", [0])[0]
        kept = self.cut(line, before, -after if after > 0 else TO_THE_END, 2, prefix + "k")
        self.with_bias(node, kept, channels)

    def fourier_transform(self, node):
        """Windowed frames times the cosines and sines; frames are made of blocks of one step each."""
        signal, step, window, length = (*node.input, "")[:4]
        step = int(numpy_helper.to_array(self.values[step]))
        window = numpy_helper.to_array(self.values[window]).astype(np.float64)
        length = int(numpy_helper.to_array(self.values[length])) if length else len(window)
        if length % step != 0:
            raise ValueError(f"{node.name}: frames of {length} are not made of steps of {step}")
        bins = length // 2 + 1
        basis = np.zeros((length, bins, 2))
        for at in range(length):
            for frequency in range(bins):
                turn = at * frequency % length
                sine = 0 if 2 * turn % length == 0 else math.sin(2 * math.pi * turn / length)
                basis[at, frequency] = (math.cos(2 * math.pi * turn / length), -sine)
        real = [frequency for frequency in range(bins) if 2 * frequency % length == 0]
        above_zero = np.zeros((bins, 2), np.float32)
        above_zero[real, 1] = SMALLEST_PART
        basis = (basis * window[:, None, None]).reshape(length, bins * 2).astype(np.float32)
        prefix = node.output[0] + "__p"
        blocks = self.append(
            "Reshape", [signal, self.integers(1, -1, step)], prefix + "b"
        )
        count = length // step
        shifted = [
            self.cut(blocks, at, at - count + 1 or TO_THE_END, 1, f"{prefix}b{at}")
            for at in range(count)
        ]
        frames = self.append("Concat", shifted, prefix + "f", axis=2)
        bands = self.append(
            "MatMul", [frames, self.constant(basis, prefix + "d")], prefix + "m"
        )
        above_zero = self.constant(above_zero.reshape(-1), prefix + "z")
        bands = self.append("Add", [bands, above_zero], prefix + "a")
        self.append("Reshape", [bands, self.integers(1, -1, bins, 2)], node.output[0])

    def rewrite(self, kinds):
        """Replaces the nodes of these kinds of operators. Returns (nodes, constants) of the new graph."""
        rewriters = {
            "Conv": self.convolution,
            "ConvTranspose": self.transposed_convolution,
            "STFT": self.fourier_transform,
        }
        for node in self.graph.node:
            if node.op_type in kinds:
                rewriters[node.op_type](node)
            else:
                self.nodes.append(node)
        nodes = in_order(self.shapes, self.expansions, self.nodes)
        return nodes, [*self.graph.initializer, *self.added.values()]


def attributes_of(node):
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def in_order(constants, expansions, nodes):
    """Puts each node over weights right behind what it reads: a constant, or another node's output."""
    waiting = {}
    for node in expansions:
        waiting.setdefault(node.input[0], []).append(node)
    ordered = []

    def place(node):
        ordered.append(node)
        for output in node.output:
            for follower in waiting.pop(output, []):
                place(follower)

    for name in [name for name in waiting if name in constants]:
        for follower in waiting.pop(name):
            place(follower)
    for node in nodes:
        place(node)
    return ordered
