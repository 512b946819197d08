"""From CUDA text to a loaded kernel: compiled by NVRTC, which torch brings along, and kept on disk by its content.

Everything goes through NVIDIA's `cuda.bindings`, which torch's builds for CUDA install; no toolkit is needed.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Final

from cellsearch.errors import BackendError, one_line
from cellsearch.recurrence.cache import folder, forget_old, sealed, unsealed

__all__ = ["compile_all", "compiled", "compiler_log", "kept", "launch", "loaded", "text_of", "unavailable"]


SOURCES: Final = Path(__file__).parent / "c"
FLAGS: Final = ("--std=c++17", "--disable-warnings")


@cache
def text_of(name: str) -> str:
    """A C file that all cells share, as text."""
    return (SOURCES / name).read_text("utf-8")


@cache
def unavailable() -> str | None:
    """Why no kernel can be compiled in this installation; None if one can."""
    try:
        _version()
    except ImportError as error:
        return f"cuda.bindings, which torch's builds for CUDA install, is missing ({error}); pip install cuda-bindings"
    except RuntimeError as error:  # NVRTC itself is not there
        return f"NVRTC, which torch's builds for CUDA install, cannot be loaded: {one_line(error)}"
    return None


def compiled(text: str, architecture: str) -> bytes:
    """The machine code of a text for `sm_90` or another architecture. Raises BackendError with the compiler's words."""
    return _compiled(text, architecture)[0]


def compiler_log(text: str, architecture: str) -> str:
    """What the compiler says of a text: registers, spills, time."""
    return _compiled(text, architecture, "--ptxas-options=-v")[1]


def _compiled(text: str, architecture: str, *more: str) -> tuple[bytes, str]:
    from cuda.bindings import nvrtc

    names, headers = [b"device.h"], [text_of("device.h").encode()]
    program = _checked(nvrtc.nvrtcCreateProgram(text.encode(), b"cell.cu", 1, headers, names))
    options = [each.encode() for each in (f"--gpu-architecture={architecture}", *FLAGS, *more)]
    try:
        (result,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        log = bytearray(_checked(nvrtc.nvrtcGetProgramLogSize(program)))  # bytes of one letter are Python's only ones
        nvrtc.nvrtcGetProgramLog(program, log)
        said = log.decode(errors="replace").strip("\0 \n")
        if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise BackendError(f"NVRTC cannot compile the recurrence: {said[:500]}")
        code = bytearray(_checked(nvrtc.nvrtcGetCUBINSize(program)))
        nvrtc.nvrtcGetCUBIN(program, code)
        return bytes(code), said
    finally:
        nvrtc.nvrtcDestroyProgram(program)


@lru_cache(maxsize=4096)
def compile_all(texts: tuple[str, ...], architecture: str) -> None:
    """Compile what the cache folder lacks, all at once."""
    with ThreadPoolExecutor(len(texts)) as pool:
        list(pool.map(partial(kept, architecture=architecture), texts))


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
    made_from = "\n".join([text, text_of("device.h"), architecture, *FLAGS, _version()])
    key = hashlib.sha256(made_from.encode()).digest()
    path = folder() / f"{key.hex()}.cubin"
    if (known := unsealed(path, key)) is not None:
        with suppress(OSError):
            os.utime(path)  # its time tells when it was last used
        return known
    code = compiled(text, architecture)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as beside:
            made = Path(beside) / path.name
            made.write_bytes(sealed(code, key))
            made.replace(path)
        forget_old("*.cubin")
    except OSError as error:
        logging.getLogger("cellsearch").warning("a compiled kernel is not kept: %s", error)
    return code


@cache
def _version() -> str:
    from cuda.bindings import nvrtc

    _, major, minor = nvrtc.nvrtcVersion()
    return f"NVRTC {major}.{minor}"


def _checked(result: tuple[Any, ...]) -> Any:
    """What a call returns beside its error, which is raised as BackendError."""
    error, *values = result
    if int(error) != 0:
        raise BackendError(f"CUDA: {error.name}")
    return values[0] if values else None
