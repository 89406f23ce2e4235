"""MoCo v1 and v2 by their official code (facebookresearch/moco): moco/builder.py over torchvision's ResNet, narrow (official.py). See
official.py for usage. One process: the order in which the official code draws the keys' pictures changes nothing but rounding.

As in the official code each step first moves the key encoder, then makes the keys, and these join the queue."""
import torch
from official import Script, arguments, narrow, one_process, record


class MoCo(Script):
    repository = "facebookresearch/moco"

    def build(self, config):
        import moco.builder
        model, method = config["model"], config["method"]
        make = narrow(model["width"], model["block"], model["depths"])
        return moco.builder.MoCo(lambda num_classes: make(num_classes), method["output"], method["queue"], method["momentum"],
                                 method["temperature"], mlp=method["version"] == 2)

    def redraw(self, name, weight):
        # The key encoder begins as the query encoder's copy; it is moved away, so that a step of it can be seen.
        return weight + torch.randn_like(weight) * weight.std() * .3 if name.startswith("encoder_k.") else weight

    def inputs(self, config):
        shape = (config["batch"], config["data"]["channels"], config["data"]["imageSize"], config["data"]["imageSize"])
        base = torch.randn(shape)
        return {"view/first": base + torch.randn(shape) * .5, "view/second": base + torch.randn(shape) * .5}

    def step(self, model, inputs, progress):
        output, target = model(im_q=inputs["view/first"], im_k=inputs["view/second"])
        return torch.nn.functional.cross_entropy(output, target), {}, {"logits": output}

    def groups(self, model, config):
        optim = config["optim"]
        return torch.optim.SGD(model.parameters(), 0.1, momentum=optim["momentum"], weight_decay=optim["weightDecay"])

    def rename(self, values):
        def ours(name):
            head = ".fc." if ".fc.0." in name or ".fc.2." in name else ".fc"
            if name.startswith("encoder_q.fc"): return name.replace("encoder_q" + head, "projector." if head == ".fc." else "projector.0")
            if name.startswith("encoder_k.fc"): return name.replace("encoder_k" + head, "teacher.projector." if head == ".fc." else "teacher.projector.0")
            return name.replace("encoder_q.", "encoder.").replace("encoder_k.", "teacher.encoder.").replace("queue", "queue.keys")
        return {ours(name): value.t() if name == "queue" else value for name, value in values.items() if name != "queue_ptr"}


if __name__ == "__main__":
    args, config = arguments(__doc__)
    one_process()
    record(MoCo(), args, config)
