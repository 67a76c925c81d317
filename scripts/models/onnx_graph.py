"""A small ONNX graph builder shared by the converters: named constants, numbered nodes, pruning."""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET_IMPORTS = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
CONTRIB = "com.microsoft"


def value_info(name, element_type=TensorProto.FLOAT, shape=None):
    """Declares a graph input or output; dimensions are numbers, names or None."""
    return helper.make_tensor_value_info(name, element_type, shape)


class GraphBuilder:
    """Collects nodes and constants in the order of creation, so that equal input gives equal bytes."""

    def __init__(self):
        self.nodes = []
        self.constants = {}
        self._node_count = 0

    def constant(self, array, name=None):
        """Stores an array once under its name and returns the name."""
        name = name or f"c{len(self.constants)}"
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def op(self, kind, inputs, outputs=1, nodes=None, domain="", **attributes):
        """Appends one node, to `nodes` where given (a branch of an If); returns its output name or names."""
        self._node_count += 1
        number = self._node_count
        if isinstance(outputs, int):
            outputs = [f"{kind}_{number}_{i}" for i in range(outputs)]
        target = self.nodes if nodes is None else nodes
        target.append(
            helper.make_node(
                kind, inputs, outputs, name=f"{kind}_{number}", domain=domain, **attributes
            )
        )
        return outputs[0] if len(outputs) == 1 else outputs

    def save(self, path, inputs, outputs, doc=None, weights_in=None):
        """Writes the graph as a model file; the graph's name is the file's name without its ending.

        weights_in: a model file in the same folder; large constants that stand in it too are not stored again.
        """
        name = os.path.splitext(os.path.basename(path))[0]
        if weights_in:
            refer_to_weights(self.constants.values(), weights_in)
        graph = helper.make_graph(
            self.nodes, name, inputs, outputs, list(self.constants.values()), doc_string=doc
        )
        model = helper.make_model(
            graph, opset_imports=OPSET_IMPORTS, ir_version=10, producer_name="livedub-convert"
        )
        onnx.save(model, path)


def refer_to_weights(tensors, path, least_bytes=4096):
    """Replaces the content of large tensors by its place in another file, where that holds it byte for byte."""
    with open(path, "rb") as file:
        content = file.read()
    for tensor in tensors:
        if len(tensor.raw_data) < least_bytes:
            continue
        offset = content.find(tensor.raw_data)
        if offset < 0:
            continue
        place = {"location": os.path.basename(path), "offset": offset, "length": len(tensor.raw_data)}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        tensor.data_location = TensorProto.EXTERNAL
        tensor.ClearField("raw_data")


def prune(graph, nodes, initializers):
    """Replaces the graph's nodes and initializers by those that its outputs need, in the given order."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(nodes):
        if any(output in needed for output in node.output):
            kept.append(node)
            needed.update(name for name in node.input if name)
    kept.reverse()
    del graph.node[:]
    graph.node.extend(kept)
    wanted = [tensor for tensor in initializers if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(wanted)
