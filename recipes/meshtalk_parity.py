"""Compare our MeshTalk with the public implementation on equal random parameters.

    git clone https://github.com/facebookresearch/meshtalk CHECKOUT
    pip install torchaudio
    python recipes/meshtalk_parity.py CHECKOUT

Prints the largest differences that docs/meshtalk.md holds. Nothing of the checkout is copied; its
rendering library is not needed.
"""

import random
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visemic.models.checkpoint import load_parameters
from visemic.models.meshtalk import MeshTalk, MeshTalkConfig, n_parameters, quantise
from visemic.models.meshtalk_context import ContextModel, context_tables
from visemic.models.meshtalk_front import VertexFront
from visemic.models.meshtalk_motion import smoothed
from visemic.models.meshtalk_region import FaceMasks
from visemic.models.meshtalk_sampler import ContextSampler
from visemic.training.meshtalk_loss import Crossing, crossing_terms, measure_for

N_VERTICES, N_CLIPS, N_FRAMES, N_SAMPLED = 6_172, 2, 12, 120


def published(checkout: Path) -> Any:
    """Import the checkout's modules, on the CPU and without its renderer."""
    sys.path.insert(0, str(checkout))
    for name in ("pytorch3d", "pytorch3d.io"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["pytorch3d.io"].load_obj = None  # type: ignore[attr-defined]
    torch.Tensor.cuda = lambda self: self  # type: ignore[method-assign, assignment, misc]
    torch.nn.Module.cuda = lambda self: self  # type: ignore[method-assign, assignment, misc]
    import models.context_model
    import models.encoders
    import models.vertex_unet
    import training.forwarder
    import utils.helpers

    return types.SimpleNamespace(
        encoder=models.encoders.MultimodalEncoder,
        unet=models.vertex_unet.VertexUnet,
        context=models.context_model.ContextModel,
        quantize=training.forwarder.quantize,
        forwarder=training.forwarder.DiscreteExpressionForwarder,
        smooth=utils.helpers.smooth_geom,
    )


def show(name: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Print a row."""
    away = float((ours - theirs).detach().abs().max())
    print(f"{name:40} {away:9.2e} {away / float(theirs.detach().abs().max()):9.2e}")


def main(checkout: Path) -> None:
    """Make both, give them the same, and print how far they part."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng, v = np.random.default_rng(0), N_VERTICES
    public, config = published(checkout), MeshTalkConfig()
    mean, spread = torch.randn(v, 3) * 60, torch.rand(v, 3) * 600 + 27
    encoder = public.encoder(128, 16, 128, 128, v, mean, spread).eval()
    unet, context = public.unet(128, 16, v, mean, spread).eval(), public.context(128, 16, 128).eval()
    torch.nn.init.normal_(unet.vertex_bias)
    network, own_context = MeshTalk(config).eval(), ContextModel(config).eval()
    parts = ((network.encoder, encoder), (network.vertex_unet, unet), (own_context, context))
    for own, other in parts:
        load_parameters(own, other.state_dict(), "public")
        assert list(own.state_dict()) == list(other.state_dict())
    print("parameters", [n_parameters(own) for own, _ in parts])

    template = mean + torch.randn(N_CLIPS, v, 3) * 5
    points = template[:, None] + torch.randn(N_CLIPS, N_FRAMES, v, 3) * 5
    windows = torch.randn(N_CLIPS, N_FRAMES, 16_000) * 0.0125
    sound, starts = windows.flatten(1), (torch.arange(N_FRAMES) * 16_000).repeat(N_CLIPS, 1)
    with torch.no_grad():
        theirs = encoder(points, windows)
        logprobs, audio_code = network.encoder(points, sound, starts)
        expression_code, _ = network.encoder.expression_encoder(points)
        show("code of sound", audio_code, theirs["audio_code"])
        show("code of expression", expression_code, theirs["expression_code"])
        show("log-probabilities", logprobs, theirs["logprobs"])
        chosen = public.quantize(theirs["logprobs"], argmax=True)
        one_hot, labels = quantise(logprobs)
        show("likeliest classes, one-hot", one_hot, chosen["one_hot"])
        torch.manual_seed(5)
        drawn = public.quantize(theirs["logprobs"])
        own_drawn, own_labels = quantise(logprobs, torch.Generator().manual_seed(5))
        show("drawn classes, one-hot", own_drawn, drawn["one_hot"])
        assert (labels == chosen["labels"]).all()
        assert (own_labels == drawn["labels"]).all()
        face = unet(template[:, None].expand(-1, N_FRAMES, -1, -1).contiguous(), one_hot)["geom"]
        show("decoder, mm", network.vertex_unet(template, one_hot)[0], face)
        show("context model", own_context(one_hot, audio_code), context(one_hot, audio_code)["logprobs"])
        mask = rng.random(v).astype(np.float32)
        ours = torch.from_numpy(smoothed(face[0].numpy(), mask))
        show("smoothing, mm", ours, public.smooth(face[0], torch.from_numpy(mask)))
    losses(public, network, encoder, unet, rng, (template, points, windows, sound, starts))
    sampling(context, own_context)


def losses(
    public: Any, network: MeshTalk, encoder: Any, unet: Any, rng: np.random.Generator, data: tuple
) -> None:
    """Compare the terms of the training loss and their gradient; two clips can only be swapped."""
    template, points, windows, sound, starts = data
    masks = FaceMasks(*(rng.random((3, N_VERTICES)).astype(np.float32)))
    terms = {"train": {"loss_terms": ["recon", "landmarks", "modality_crossing"]}}
    forwarder = public.forwarder(terms, unet, encoder, masks.mouth, masks.upper_face, masks.eyelids)
    random.seed(0)
    torch.manual_seed(7)
    theirs = forwarder.forward({"template": template, "geom": points, "audio": windows})
    generator = torch.Generator().manual_seed(7)
    audio = network.encoder.audio_encoder(sound, starts)
    expression, _ = network.encoder.expression_encoder(points)
    made = Crossing(
        points,
        network.draw(template, expression, audio, generator),
        network.draw(template, expression.flip(0), audio, generator),
        network.draw(template, expression, audio.flip(0), generator),
        torch.ones(points.shape[:2], dtype=torch.bool),
    )
    ours = crossing_terms(made, measure_for(VertexFront(N_VERTICES, np.arange(N_VERTICES)), masks))
    show("loss: reconstruction", ours["reconstruction"], theirs["recon"])
    show("loss: eyelids", ours["eyelids"], theirs["landmarks"])
    show("loss: modality crossing", ours["mouth"] + ours["upper_face"], theirs["modality_crossing"])
    weights = (network.encoder.fusion_model.mlp[0].weight, encoder.fusion_model.mlp[0].weight)
    gradients = [
        torch.autograd.grad(sum(terms.values()), [weight])[0]
        for terms, weight in zip((ours, theirs), weights, strict=True)
    ]
    show("gradient at the fusion", *gradients)


def sampling(context: Any, own_context: ContextModel) -> None:
    """Compare samplers; parameters are enlarged so that classes vary."""
    with torch.no_grad():
        for parameter in context.parameters():
            parameter.mul_(3)
        own_context.load_state_dict(context.state_dict())
        code = torch.randn(1, N_SAMPLED, 128)
        sampler, begun = ContextSampler(context_tables(own_context)), time.perf_counter()
        labels = sampler.sample(code[0].numpy(), temperature=0)
        own_s, begun = time.perf_counter() - begun, time.perf_counter()
        theirs = context.sample(code, argmax=True)["one_hot"].argmax(-1)[0].numpy()
        their_s = time.perf_counter() - begun
    print(
        f"{N_SAMPLED} frames: {100 * (labels == theirs).mean():.1f} % equal, "
        f"{len(np.unique(labels))} classes in use; "
        f"{own_s:.2f} s against {their_s:.1f} s, {their_s / own_s:.0f} times"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
