"""A task that any machine learns in a second: a line through noise, with dropout and random crops."""

import os
import signal

import torch
from safetensors.torch import save_file
from torch import nn


class ToyTask:
    """Learns y = 3x - 1; settings of ``data`` and of the environment break it on purpose."""

    def __init__(self, recipe, data_paths):
        self.data, self.paths = recipe.data, data_paths
        self.width = recipe.model.get("width", 8)
        self.n_calls = 0

    def network(self):
        if self.data.get("is_plain"):
            return nn.Linear(1, 1)
        return nn.Sequential(
            nn.Linear(1, self.width), nn.BatchNorm1d(self.width), nn.Dropout(0.1), nn.Linear(self.width, 1)
        )

    def n_examples(self):
        return self.data.get("n_examples", 100)

    def batch(self, indices, generator):
        x = torch.tensor([[i / 50 - 1] for i in indices])
        noise = 0.0 if self.data.get("is_plain") else 0.01 * torch.randn(x.shape, generator=generator)
        return {"x": x + noise, "y": 3 * x - 1}

    def fail_if_asked(self):
        self.n_calls += 1
        if self.n_calls == int(os.environ.get("TOY_DIE_AT", 0)):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.n_calls == int(os.environ.get("TOY_FAIL_AT", 0)):
            raise RuntimeError("the power is gone")

    def loss(self, network, batch, generator):
        self.fail_if_asked()
        target = batch["y"]
        if not self.data.get("is_plain"):
            target = target + 0.01 * torch.randn(target.shape, generator=generator, device=target.device)
        error = ((network(batch["x"]) - target) ** 2).mean()
        if self.n_calls == self.data.get("nan_at"):
            error = error * float("nan")
        return {"loss": 2 * error, "square": error}

    def validate(self, network):
        x = torch.linspace(-1, 1, 21)[:, None].to(next(network.parameters()).device)
        return {"loss": float(((network(x) - 3 * x + 1) ** 2).mean()), "points": 21.0}

    def save(self, network, folder, metrics):
        save_file(network.state_dict(), folder / "model.safetensors")


class ToyPairTask(ToyTask):
    """Two groups that follow two losses, as in adversarial training."""

    def network(self):
        return nn.ModuleDict({"generator": nn.Linear(1, 1), "critic": nn.Linear(1, 1)})

    def optimisers(self, network):
        return [(network["generator"].parameters(), "loss"), (network["critic"].parameters(), "critic")]

    def loss(self, network, batch, generator):
        self.fail_if_asked()
        made = network["generator"](batch["x"])
        told = network["critic"](batch["y"]).mean() - network["critic"](made.detach()).mean()
        fooled = ((made - batch["y"]) ** 2).mean() - 0.01 * network["critic"](made).mean()
        return {"loss": fooled, "critic": 0.1 * network["critic"].weight.square().sum() - told}

    def validate(self, network):
        x = torch.linspace(-1, 1, 21)[:, None]
        return {"loss": float(((network["generator"](x) - 3 * x + 1) ** 2).mean())}
