"""Compiles boxed.cc against the torch of this Python. usage: python boxed.py out.so"""

import pathlib
import subprocess
import sys

import torch
from torch.utils.cpp_extension import include_paths

libraries = pathlib.Path(torch.__file__).parent / "lib"
source = pathlib.Path(__file__).with_name("boxed.cc")
subprocess.run(
    [
        *["g++", "-O2", "-std=c++20", "-shared", "-fPIC", f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"],
        *[f"-I{path}" for path in include_paths()],
        *[str(source), "-o", sys.argv[1], f"-L{libraries}", "-ltorch_cpu", "-lc10"],
    ],
    check=True,
)
