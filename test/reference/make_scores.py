"""Accuracies, confusion matrix and precision of random scores, by scikit-learn -> scores.json. python3 make_scores.py"""
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, precision_score, recall_score, top_k_accuracy_score

random = np.random.default_rng(0)
N, K = 60, 7
labels = random.choice(K - 1, N, p=[0.4, 0.2, 0.15, 0.1, 0.1, 0.05])  # the last class has no picture
values = np.round(random.normal(size=(N, K)) + 1.2 * np.eye(K)[labels], 3).astype(np.float32)
predicted = values.argmax(1)
classes = list(range(K))
present = classes[:-1]
result = {
    "classes": K,
    "labels": labels.tolist(),
    "values": [[float(f"{v:.3f}") for v in row] for row in values.tolist()],
    "top1": top_k_accuracy_score(labels, values, k=1, labels=classes),
    "top5": top_k_accuracy_score(labels, values, k=5, labels=classes),
    "meanPerClass": recall_score(labels, predicted, labels=present, average="macro"),
    "recall": recall_score(labels, predicted, labels=present, average=None).tolist(),
    "precision": precision_score(labels, predicted, labels=present, average=None, zero_division=0).tolist(),
    "confusion": confusion_matrix(labels, predicted, labels=classes).tolist(),
}
(Path(__file__).parent / "scores.json").write_text(json.dumps(result) + "\n")
