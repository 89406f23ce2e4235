"""Unpacks parts of a wheel: unpack.py <wheel> <folder> <from=to>...

A part that ends in / is a whole folder. Prints the number of files. Python only because it reads zip archives and is
there anyway when pip is.
"""

import os
import shutil
import sys
import zipfile

wheel, folder, *parts = sys.argv[1:]
count = 0
with zipfile.ZipFile(wheel) as archive:
    for part in parts:
        source, target = part.split("=")
        names = [n for n in archive.namelist() if (n.startswith(source) if source.endswith("/") else n == source)]
        if not names:
            sys.exit(f"{source} is not in {wheel}")
        for name in names:
            if name.endswith("/"):
                continue
            path = os.path.normpath(os.path.join(folder, target + name[len(source) :]))
            if not path.startswith(os.path.normpath(folder) + os.sep):
                sys.exit(f"{name} of {wheel} points outside of its folder")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(name) as reader, open(path, "wb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
            count += 1
print(count)
