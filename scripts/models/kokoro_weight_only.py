"""Turns a dynamically quantised ONNX graph into one whose weights alone are 8-bit.

ConvInteger, MatMulInteger and DynamicQuantizeLSTM become Conv, MatMul and LSTM in float32 over the same
8-bit weights, which ONNX Runtime expands once at load: faster than integer convolution on a CPU, and it
runs on CUDA, which has no such operators.

usage: kokoro_weight_only.py OUT.onnx IN_PART...      the parts of the model, in order
"""

import collections
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_graph import OPSET_IMPORTS, prune

INTEGER_OPERATORS = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}


class WeightOnlyRewriter:
    """Rewrites one model in place."""

    def __init__(self, model):
        self.model = model
        self.graph = model.graph
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.producer = {o: node for node in self.graph.node for o in node.output}
        self.consumers = collections.defaultdict(list)
        for node in self.graph.node:
            for name in node.input:
                self.consumers[name].append(node)
        self.expansions = []  # nodes that expand weights; they come first in the new graph
        self.expanded = {}
        self.added = {}

    def constant(self, array, name):
        if name not in self.initializers and name not in self.added:
            self.added[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def expand(self, weight, scale, zero_point, channel_axis, permutation=None):
        """Adds Cast, Sub, Mul (and Transpose) that give the float weight; returns its tensor name."""
        key = (weight, permutation)
        if key in self.expanded:
            return self.expanded[key]
        quantised = numpy_helper.to_array(self.initializers[weight])
        scales = numpy_helper.to_array(self.initializers[scale]).astype(np.float32)
        if zero_point:
            zeros = numpy_helper.to_array(self.initializers[zero_point])
        else:
            zeros = np.zeros(1, quantised.dtype)

        def along_channels(values):
            values = values.reshape(-1)
            if values.size == 1:
                return values.reshape(())
            return values.reshape([-1 if d == channel_axis else 1 for d in range(quantised.ndim)])

        def append(kind, inputs, suffix, **attributes):
            output = f"{weight}__f{suffix}"
            self.expansions.append(helper.make_node(kind, inputs, [output], **attributes))
            return output

        current = append("Cast", [weight], "c", to=TensorProto.FLOAT)
        if np.any(zeros != 0):
            offset = self.constant(along_channels(zeros.astype(np.float32)), f"{weight}__fz")
            current = append("Sub", [current, offset], "s")
        factor = self.constant(along_channels(scales), f"{weight}__fk")
        current = append("Mul", [current, factor], "m")
        if permutation:
            current = append("Transpose", [current], "t", perm=permutation)
        self.expanded[key] = current
        return current

    def float_lstm(self, node):
        ins = list(node.input)
        weight = self.expand(ins[1], ins[8], ins[9], 0, (0, 2, 1))
        recurrence = self.expand(ins[2], ins[10], ins[11], 0, (0, 2, 1))
        inputs = [ins[0], weight, recurrence, *ins[3:8]]
        rewritten = helper.make_node("LSTM", inputs, list(node.output), name=node.name)
        rewritten.attribute.extend(node.attribute)
        return rewritten

    def integer_product(self, node):
        """Returns (the Mul that ends the integer product's chain, the float node that replaces it)."""
        quantiser = self.producer[node.input[0]]
        if quantiser.op_type != "DynamicQuantizeLinear" or node.input[1] not in self.initializers:
            return None
        follower = self.consumers[node.output[0]][0]
        bias = []
        if follower.op_type == "Add":  # a bias added to the int32 sums, scaled to match
            source = self.producer[other_input(follower, node.output[0])]
            while source.op_type != "Div":
                source = self.producer[source.input[0]]
            bias = [source.input[0]]
            follower = self.consumers[follower.output[0]][0]
        scaled = self.consumers[follower.output[0]]
        if follower.op_type != "Cast" or [n.op_type for n in scaled] != ["Mul"]:
            raise ValueError(f"{node.name} is not followed by Cast and Mul")
        scales = self.producer[other_input(scaled[0], follower.output[0])]
        weight_scale = next(name for name in scales.input if name in self.initializers)
        zero_point = node.input[3] if len(node.input) > 3 else ""
        last_axis = len(self.initializers[node.input[1]].dims) - 1
        axis = 0 if node.op_type == "ConvInteger" else last_axis
        weight = self.expand(node.input[1], weight_scale, zero_point, axis)
        rewritten = helper.make_node(
            INTEGER_OPERATORS[node.op_type],
            [quantiser.input[0], weight, *bias],
            [scaled[0].output[0]],
            name=node.name + "_f",
        )
        rewritten.attribute.extend(node.attribute)
        return scaled[0], rewritten

    def rewrite(self):
        replaced = {}
        for node in self.graph.node:
            if node.op_type == "DynamicQuantizeLSTM":
                replaced[id(node)] = self.float_lstm(node)
            elif node.op_type in INTEGER_OPERATORS and (found := self.integer_product(node)):
                replaced[id(found[0])] = found[1]
        # The order stays topological: a rewritten node sits where its Mul was, after all expansions.
        nodes = self.expansions + [replaced.get(id(node), node) for node in self.graph.node]
        prune(self.graph, nodes, [*self.graph.initializer, *self.added.values()])
        del self.model.opset_import[:]
        self.model.opset_import.extend(OPSET_IMPORTS)
        del self.graph.value_info[:]


def other_input(node, name):
    return next(i for i in node.input if i != name)


def main(out_path, *parts):
    pieces = []
    for part in parts:
        with open(part, "rb") as file:
            pieces.append(file.read())
    model = onnx.load_from_string(b"".join(pieces))
    WeightOnlyRewriter(model).rewrite()
    onnx.save(model, out_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
