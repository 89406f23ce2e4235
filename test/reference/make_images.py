"""Bytes to normalised images by torchvision. usage: python make_images.py > images.json   (torchvision 0.29)

Byte i of the batch [2 H W C] = [2 3 5 3] is (37 i + 11) mod 256. The results are float32, printed so that they read back exactly.
"""
import json
import numpy as np
from torchvision import transforms

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
batch = ((37 * np.arange(2 * 3 * 5 * 3) + 11) % 256).astype(np.uint8).reshape(2, 3, 5, 3)
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
print(json.dumps({"mean": MEAN, "std": STD, "images": [v for picture in batch for v in transform(picture).flatten().tolist()]}))
