"""From CUDA text to a loaded kernel: compiled by NVRTC, which torch brings along, and kept on disk by its content.

Everything goes through NVIDIA's `cuda.bindings`, which torch's builds for CUDA install; no toolkit is needed.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cellsearch.errors import BackendError
from cellsearch.recurrence.gpu.source import text_of

__all__ = ["compiled", "kept", "launch", "loaded", "unavailable"]



@cache
def unavailable() -> str | None:
    """Why no kernel can be compiled in this installation; None if one can."""
    try:
        from cuda.bindings import driver, nvrtc  # noqa: F401
    except ImportError as error:
        return f"cuda.bindings, which torch's builds for CUDA install, is missing ({error}); pip install cuda-bindings"
    return None


def compiled(text: str, architecture: str) -> bytes:
    """The machine code of a text for `sm_90` or another architecture. Raises BackendError with the compiler's words."""
    from cuda.bindings import nvrtc

    program = _checked(nvrtc.nvrtcCreateProgram(text.encode(), b"cell.cu", 1, [text_of("device.h").encode()], [b"device.h"]))
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    try:
        (result,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            log = b" " * _checked(nvrtc.nvrtcGetProgramLogSize(program))
            nvrtc.nvrtcGetProgramLog(program, log)
            raise BackendError(f"NVRTC cannot compile the recurrence: {log.decode(errors='replace').strip()[:500]}")
        code = b" " * _checked(nvrtc.nvrtcGetCUBINSize(program))
        nvrtc.nvrtcGetCUBIN(program, code)
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)


@lru_cache(maxsize=4096)
def loaded(text: str, name: str, architecture: str, shared: int, cluster: int, device: int) -> Any:
    """The kernel of that name, ready to be launched on a device with so many bytes of shared memory a block."""
    from cuda.bindings import driver

    module = _checked(driver.cuModuleLoadData(kept(text, architecture)))
    function = _checked(driver.cuModuleGetFunction(module, name.encode()))
    attributes = driver.CUfunction_attribute
    _checked(driver.cuFuncSetAttribute(function, attributes.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared))
    if cluster > 8:
        allowed = attributes.CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED
        _checked(driver.cuFuncSetAttribute(function, allowed, 1))
    return function


def launch(
    function: Any, grid: int, threads: int, shared: int, cluster: int, cooperative: bool, stream: int, run: int
) -> None:
    """Launch a kernel whose one argument lies at the address `run`."""
    from cuda.bindings import driver

    config = _configuration(grid, threads, shared, cluster, cooperative, stream)
    pointer = ctypes.c_void_p(run)
    _checked(driver.cuLaunchKernelEx(config, function, ctypes.addressof(pointer), 0))


@lru_cache(maxsize=4096)
def _configuration(grid: int, threads: int, shared: int, cluster: int, cooperative: bool, stream: int) -> Any:
    from cuda.bindings import driver

    kinds, attributes = driver.CUlaunchAttributeID, []
    if cluster > 1:
        attribute = driver.CUlaunchAttribute()
        attribute.id = kinds.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
        size = attribute.value.clusterDim
        size.x, size.y, size.z = cluster, 1, 1
        attributes.append(attribute)
    if cooperative:
        attribute = driver.CUlaunchAttribute()
        attribute.id = kinds.CU_LAUNCH_ATTRIBUTE_COOPERATIVE
        attribute.value.cooperative = 1
        attributes.append(attribute)
    config = driver.CUlaunchConfig()
    config.gridDimX, config.gridDimY, config.gridDimZ = grid, 1, 1
    config.blockDimX, config.blockDimY, config.blockDimZ = threads, 1, 1
    config.sharedMemBytes, config.hStream = shared, driver.CUstream(stream)
    config.attrs, config.numAttrs = attributes, len(attributes)
    return config


def kept(text: str, architecture: str) -> bytes:
    """The machine code, from the cache folder if it has it."""
    from cellsearch.recurrence.native.build import _folder as folder

    key = hashlib.sha256("\n".join([text, text_of("device.h"), architecture, _version()]).encode()).hexdigest()
    path = folder() / f"{key}.cubin"
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[32:]).digest() == content[:32]:
            return content[32:]
    except OSError:
        pass
    code = compiled(text, architecture)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(file.name, path)
    except OSError as error:
        logging.getLogger("cellsearch").warning("a compiled kernel is not kept: %s", error)
    return code


@cache
def _version() -> str:
    from cuda.bindings import nvrtc

    error, major, minor = nvrtc.nvrtcVersion()
    return f"NVRTC {major}.{minor}"


def _checked(result: tuple[Any, ...]) -> Any:
    """What a call returns beside its error, which is raised as BackendError."""
    error, *values = result
    if int(error) != 0:
        raise BackendError(f"CUDA: {error.name}")
    return values[0] if values else None
