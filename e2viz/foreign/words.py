"""The lesson of the page "Your model", which the documentation repeats."""

LESSON = '''import torch

image = torch.rand(2, 3, 224, 224)  # two images of the size that your model takes
torch.onnx.export(model.eval(), (image,), "mine.onnx", external_data=False,
                  dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True)'''
ABOUT = """
torch's exporter needs `pip install onnxscript`. `model` gives class scores alone; one from Hugging Face gives an
object, of which `.logits` are the scores: wrap it in a module that returns them. Attention is found where the graph
keeps a Softmax: load such a model with `attn_implementation="eager"`. TensorFlow (`tf2onnx`), JAX and scikit-learn
exporters give files that open too.

The file is read within bounds and runs in a process of its own, with limits on memory and time. Weights in other files,
custom operators and endless loops are refused; nothing in it is run as code. This session alone sees the model, and it
is forgotten with the session.
"""
