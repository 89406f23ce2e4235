"""Logistic regression by scikit-learn and effective rank by numpy. usage: python make_evaluate.py > evaluate.json   (scikit-learn 1.9)

Numbers come from s = (1664525 s + 1013904223) mod 2^32, v = 2 s / 2^32 - 1, starting at s = 7; the test repeats them: 300 rows of 8
features times (1, 2, ..., 8) plus the column's number, then 300 rows of 3 noises. The class is argmax(feature / scale + noise) of the
first three columns. Rows 0-199 train, 200-299 test.
"""
import json
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

state = 7


def numbers(rows, columns):
    global state
    out = np.empty(rows * columns)
    for i in range(out.size):
        state = (1664525 * state + 1013904223) % 2**32
        out[i] = 2 * state / 2**32 - 1
    return out.reshape(rows, columns)


scale = np.arange(1, 9)
plain = numbers(300, 8)
features = plain * scale + np.arange(8)
labels = (plain[:, :3] + numbers(300, 3)).argmax(1)
x, y, tx, ty = features[:200], labels[:200], features[200:], labels[200:]


def fit(x, tx, l2):
    n = len(x)
    model = LogisticRegression(C=1 / (l2 * n), tol=1e-10, max_iter=100000).fit(x, y)
    probability = model.predict_proba(x)[np.arange(n), y]
    loss = -np.log(probability).mean() + l2 / 2 * (model.coef_**2).sum()
    return {
        "l2": l2,
        "loss": loss,
        "weight": model.coef_.flatten().tolist(),
        "bias": model.intercept_.tolist(),
        "trainAccuracy": model.score(x, y),
        "accuracy": model.score(tx, ty),
    }


scaler = StandardScaler().fit(x)
singular = np.linalg.svd(features, compute_uv=False)
share = singular / singular.sum()
unit = features / np.linalg.norm(features, axis=1, keepdims=True)
print(json.dumps({
    "labels": labels.tolist(),
    "plain": [fit(x, tx, l2) for l2 in (0.1, 0.01, 0.001)],
    "standardised": fit(scaler.transform(x), scaler.transform(tx), 0.01),
    "effectiveRank": float(np.exp(-(share * np.log(share)).sum())),
    "deviation": float(unit.std(0).mean()),
}))
