"""The Python original of a scripted module: TorchScript keeps no lines that torch.export could follow."""

from __future__ import annotations

import copy
from inspect import isfunction
from typing import Any

import torch
from torch import nn

from cellsearch.errors import TraceError

__all__ = ["python_original"]


def python_original(module: nn.Module) -> nn.Module:
    """The module as its class computes it in Python, with the same weights; itself if nothing of it is scripted.

    Raises TraceError for a program whose class is not known, as one that was loaded from a file.
    """
    if not any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        return module
    if not isinstance(module, torch.jit.ScriptModule):
        plain = copy.copy(module)
        plain._modules = {name: python_original(child) for name, child in module.named_children()}
        return plain
    script: Any = getattr(module, "_actual_script_module", module)
    kind = getattr(getattr(script, "_concrete_type", None), "py_class", None)
    if kind is None:
        raise TraceError(
            f"{module.original_name} is a TorchScript program without its Python class; trace the module that it was "
            "scripted from"
        )
    plain = _empty(kind)
    attributes, constants = script._concrete_type.get_attributes(), script._concrete_type.get_constants()
    for name in (*attributes, *constants):
        if name not in dict(script.named_parameters(recurse=False)) | dict(script.named_buffers(recurse=False)):
            setattr(plain, name, getattr(script, name))
    for name, parameter in script.named_parameters(recurse=False):
        plain.register_parameter(name, nn.Parameter(parameter.detach(), parameter.requires_grad))
    for name, buffer in script.named_buffers(recurse=False):
        plain.register_buffer(name, buffer)
    for name, child in script.named_children():
        plain.add_module(name, python_original(child))
    return plain


def _empty(kind: type) -> nn.Module:
    """An object of the class that nothing has been given to; of a ScriptModule's with its methods as in Python."""
    if issubclass(kind, torch.jit.ScriptModule):
        methods = {name: value for name, value in vars(kind).items() if isfunction(value)}
        methods |= {name: stub.original_method for name, stub in getattr(kind, "_methods", {}).items()}
        methods.pop("__init__", None)
        kind = type(kind.__name__, (nn.Module,), {**methods, "__module__": kind.__module__})
    plain: nn.Module = object.__new__(kind)
    nn.Module.__init__(plain)
    return plain
