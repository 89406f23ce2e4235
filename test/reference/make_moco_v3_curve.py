"""Official MoCo v3 (facebookresearch/moco-v3: builder, ViT, schedules, LARS or AdamW, blur and solarise) on CIFAR-10: loss curve and
20-nearest-neighbour accuracy of one seed, added to those in the file. Packages: see official.py.

usage: python make_moco_v3_curve.py --official CHECKOUT --cifar FOLDER --out FILE.json [--seed 0] [--steps 390] ...
FOLDER holds train-pixels.bin, train-labels.bin, test-…: Lacuna's cache of CIFAR-10 (cifar10-1.1.1), pixels [N 32 32 3] in bytes.

What differs from main_moco.py: a small ViT on 32 pixels; crops of 32, without blur (SimCLR, appendix B.9) unless --blur gives its largest
radius; CIFAR-10's mean and deviation; no loss scaling (float32, or bfloat16 autocast); one process.
k-NN: as in make_cifar_curve.py (bank of the first 10,000 training images, 10,000 test images, votes weighted by exp(similarity / 0.07)),
features: the class token after the final norm."""
import argparse, json, os, sys, time
from functools import partial
import numpy as np, torch
from PIL import Image
from official import adapt, commit_of, one_process

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ("official", "cifar", "out"): parser.add_argument("--" + name, required=True)
for name, default in dict(seed=0, steps=390, batch=256, width=128, depth=4, heads=4, patch=8, hidden=512, output=256, threads=2, workers=2,
                          warmup=58, bank=10000, queries=10000).items():
    parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
for name, default in dict(rate=1e-3, decay=.1, temperature=.2, momentum=.99, crop=.2, blur=0).items():
    parser.add_argument("--" + name, type=float, default=default)
parser.add_argument("--precision", choices=("bfloat16", "float32"), default="float32")
args = parser.parse_args()

sys.path.insert(0, args.official); adapt(); one_process()
import moco.builder, moco.loader, vits
from main_moco import adjust_learning_rate, adjust_moco_momentum
from torchvision import transforms

MEAN, STD = (.4914, .4822, .4465), (.2470, .2435, .2616)


def split(name):
    read = lambda part: np.fromfile(f"{args.cifar}/{name}-{part}.bin", dtype=np.uint8)
    return read("pixels").reshape(-1, 32, 32, 3), read("labels").astype(np.int64)


def view(blur, solarise):
    return transforms.Compose([
        transforms.RandomResizedCrop(32, scale=(args.crop, 1.)),
        transforms.RandomApply([transforms.ColorJitter(.4, .4, .2, .1)], p=.8),
        transforms.RandomGrayscale(p=.2),
        *([transforms.RandomApply([moco.loader.GaussianBlur([.1, args.blur])], p=blur)] if args.blur else []),
        *([transforms.RandomApply([moco.loader.Solarize()], p=solarise)] if solarise else []),
        transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


class Pictures(torch.utils.data.Dataset):
    def __init__(self, pixels):
        self.pixels, self.views = pixels, moco.loader.TwoCropsTransform(view(1., 0), view(.1, .2))

    def __len__(self): return len(self.pixels)
    def __getitem__(self, i): return self.views(Image.fromarray(self.pixels[i]))


def features(model, pixels):
    out = []
    with torch.no_grad():
        for at in range(0, len(pixels), 500):
            x = torch.from_numpy(pixels[at:at + 500].copy()).permute(0, 3, 1, 2).float() / 255
            x = (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
            out.append(torch.nn.functional.normalize(model.base_encoder.forward_features(x)[:, 0], dim=1))
    return torch.cat(out)


def neighbours(model, train, test, k=20):
    """share of the test images that the k nearest of the bank name"""
    model.eval()
    similar = features(model, test[0][:args.queries]) @ features(model, train[0][:args.bank]).T
    model.train()
    near, at = similar.topk(k, 1)
    votes = torch.zeros(len(similar), 10).scatter_add_(1, torch.from_numpy(train[1])[at], (near / .07).exp())
    return float((votes.argmax(1).numpy() == test[1][:args.queries]).mean())


def main():
    torch.set_num_threads(args.threads); torch.manual_seed(args.seed); np.random.seed(args.seed)
    import random; random.seed(args.seed)
    train, test = split("train"), split("test")
    vit = partial(vits.VisionTransformerMoCo, stop_grad_conv1=True, img_size=32, patch_size=args.patch, embed_dim=args.width, depth=args.depth,
                  num_heads=args.heads, mlp_ratio=4, qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6))
    model = moco.builder.MoCo_ViT(vit, args.output, args.hidden, args.temperature)
    optimizer = torch.optim.AdamW(model.parameters(), args.rate, weight_decay=args.decay)
    # An epoch of the official schedules is a step here.
    schedule = argparse.Namespace(lr=args.rate * args.batch / 256, epochs=args.steps, warmup_epochs=args.warmup, moco_m=args.momentum)
    loader = torch.utils.data.DataLoader(Pictures(train[0]), args.batch, shuffle=True, num_workers=args.workers, drop_last=True)
    batches = (batch for _ in iter(int, 1) for batch in loader)
    run = dict(seed=args.seed, loss=[], knnBefore=neighbours(model, train, test))
    print("k-NN before", run["knnBefore"], flush=True)
    model.train()
    started, losses = time.time(), []
    for step in range(args.steps):
        adjust_learning_rate(optimizer, step, schedule)
        first, second = next(batches)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bfloat16"):
            loss = model(first, second, adjust_moco_momentum(step, schedule))
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        losses.append(loss.item())
        if (step + 1) % 25 == 0:
            run["loss"].append([step + 1, round(float(np.mean(losses)), 4)]); losses = []
            print(args.seed, run["loss"][-1], f"{(time.time() - started) / (step + 1):.2f} s a step", flush=True)
    run["knnAfter"] = neighbours(model, train, test)
    print("k-NN after", run["knnAfter"], flush=True)
    record = dict(source=f"facebookresearch/moco-v3 {commit_of(args.official)}, torch {torch.__version__}, CPU, {args.precision}",
                  config={k: v for k, v in vars(args).items() if k not in ("official", "cifar", "out", "threads", "workers", "seed")}, runs=[])
    if os.path.exists(args.out):
        with open(args.out) as file: record = json.load(file)
    record["runs"] = [r for r in record["runs"] if r["seed"] != args.seed] + [run]
    with open(args.out, "w") as file: json.dump(record, file)


if __name__ == "__main__": main()
