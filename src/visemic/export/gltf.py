"""A talking head as one GLB file that any glTF viewer plays.

Nodes: ``body``, below it the head joint, below that the eyes, and the skinned face beside
them. The face is bound to body and head by how far each vertex follows the head, which
bends the neck exactly as ``rig.linear`` does. All meshes carry the same named targets and
share one weights track, keyed for every target at every frame: some editors take a missing
key for 0.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.layout import Layout
from visemic.core.signals import Motion
from visemic.export.clip import ClipData, Progress, motion_in, required_rig
from visemic.export.gltf_buffer import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, GltfBuffer, index_type
from visemic.export.manifest import manifest_of
from visemic.export.mesh_part import (
    FACE,
    SHEETS,
    Piece,
    brightest,
    follow_of,
    opacity_of,
    pieces,
    shown_colours,
    target_names,
    target_offsets,
    tracks_of,
    unit_normals,
)
from visemic.export.rotation import quaternions_from_angles
from visemic.rig.linear import Joint, Material, Rig, joint_angles

MIN_OFFSET_M = 1e-5
"""Offsets under a hundredth of a millimetre are left out: nobody sees them, and they triple the file."""

_U1 = 255
_U2 = 65_535


def write_glb(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write head, shapes, materials and animation as binary glTF 2.0.

    Raises:
        FormatError: The clip has no head.
        OutputError: The motion holds a value that is not finite.
    """
    rig = required_rig(clip, ".glb")
    writer = _Writer(rig)
    motion = motion_in(clip.motion, writer.tracks, ".glb")
    writer.add_nodes()
    writer.add_animation(motion)
    document = writer.document(manifest_of(clip))
    with path.open("wb") as file:
        file.writelines(document.save_to_bytes())
    if progress:
        progress(motion.n_frames, motion.n_frames)


class _Writer:
    """Builds one document: nodes first, then what moves them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.buffer = GltfBuffer()
        self.nodes: list[Any] = []
        self.meshes: list[Any] = []
        self.skins: list[Any] = []
        self.materials: dict[Material, int] = {}
        self.animations: list[Any] = []
        self.targets = Layout("targets", target_names(rig))
        self.tracks = tracks_of(rig)
        self.joints: list[tuple[int, Joint]] = []
        self.normals = unit_normals(rig)
        self.colours = shown_colours(rig)
        self.peaks = brightest(rig)
        self.roots: list[int] = []

    def add_nodes(self) -> None:
        """Add face, head and eyes."""
        from pygltflib import Node

        rig, eyes = self.rig, []
        origin = np.zeros(3) if rig.head is None else np.asarray(rig.head.pivot_m)
        for number, eye in enumerate(rig.eyes):
            pivot = np.asarray(eye.pivot_m)
            mesh = self._add_mesh(number, pivot.astype(np.float32))
            node = Node(
                name=eye.name,
                translation=[float(v) for v in pivot - origin],
                mesh=mesh,
                extras={"rotation_channels": list(eye.rotation_channels)},
            )
            self.joints.append((self._add_node(node), eye))
            eyes.append(self.joints[-1][0])
        face = Node(name="face", mesh=self._add_mesh(FACE, np.zeros(3, np.float32)))
        if rig.head is None:
            self.roots = [self._add_node(face), *eyes]
            return
        head = Node(
            name=rig.head.name,
            translation=[float(v) for v in origin],
            children=eyes,
            extras={"rotation_channels": list(rig.head.rotation_channels)},
        )
        self.joints.append((self._add_node(head), rig.head))
        body = self._add_node(Node(name="body", children=[self.joints[-1][0]]))
        if face.mesh is not None:
            face.skin = self._add_skin(body, self.joints[-1][0], origin)
        # A skinned mesh hangs under no joint: its place comes from the skin alone.
        self.roots = [self._add_node(face), body]

    def _add_node(self, node: Any) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _add_skin(self, body: int, head: int, origin: np.ndarray) -> int:
        from pygltflib import Skin

        inverse = np.tile(np.eye(4, dtype="<f4"), (2, 1, 1))
        inverse[1, 3, :3] = -origin  # column-major, so the translation is the last row here
        self.skins.append(
            Skin(
                name="neck", joints=[body, head], skeleton=body, inverseBindMatrices=self.buffer.add(inverse)
            )
        )
        return len(self.skins) - 1

    def _add_mesh(self, part: int, origin_m: Float32[np.ndarray, " 3"]) -> int | None:
        from pygltflib import Mesh

        found = pieces(self.rig, part)
        if not found:
            return None
        self.meshes.append(
            Mesh(
                name="face" if part == FACE else self.rig.eyes[part].name,
                primitives=[self._primitive(piece, origin_m, is_skinned=part == FACE) for piece in found],
                weights=[0.0] * len(self.targets),
                extras={"targetNames": list(self.targets.names)},
            )
        )
        return len(self.meshes) - 1

    def _primitive(self, piece: Piece, origin_m: Float32[np.ndarray, " 3"], *, is_skinned: bool) -> Any:
        from pygltflib import Attributes, Primitive

        rig, buffer, mine = self.rig, self.buffer, piece.vertices
        attributes = Attributes(
            POSITION=buffer.add(
                (rig.neutral[mine] - origin_m).astype("<f4"), target=ARRAY_BUFFER, bounded=True
            ),
            NORMAL=buffer.add(self.normals[mine].astype("<f4"), target=ARRAY_BUFFER),
        )
        if rig.uv is not None:
            attributes.TEXCOORD_0 = self._texture_places(rig.uv[mine])
        if self.colours is not None:
            rgba = np.full((len(mine), 4), _U1, "u1")
            rgba[:, :3] = np.round(self.colours[mine] / self.peaks[piece.material] * _U1)
            attributes.COLOR_0 = buffer.add(rgba, target=ARRAY_BUFFER, normalized=True)
        if is_skinned and rig.head is not None:
            joints, weights = _skin_weights(follow_of(rig)[mine])
            attributes.JOINTS_0 = buffer.add(joints, target=ARRAY_BUFFER)
            attributes.WEIGHTS_0 = buffer.add(weights, target=ARRAY_BUFFER, normalized=True)
        indices = piece.triangles.astype(index_type(len(mine))).ravel()
        return Primitive(
            attributes=attributes,
            indices=buffer.add(indices, target=ELEMENT_ARRAY_BUFFER),
            material=self._material(piece.material),
            targets=[
                Attributes(POSITION=buffer.add_offsets(target_offsets(rig, name)[mine], MIN_OFFSET_M))
                for name in self.targets
            ],
        )

    def _texture_places(self, uv: Float32[np.ndarray, "vertices 2"]) -> int:
        # Image rows go down in glTF and up here; shorts do for images up to 65536 pixels wide.
        flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
        if flipped.min() < 0 or flipped.max() > 1:
            return self.buffer.add(flipped.astype("<f4"), target=ARRAY_BUFFER)
        shorts = np.round(flipped * _U2).astype("<u2")
        return self.buffer.add(shorts, target=ARRAY_BUFFER, normalized=True)

    def _material(self, material: Material) -> int:
        return self.materials.setdefault(material, len(self.materials))

    def add_animation(self, motion: Motion) -> None:
        """Add one clip: weights of every mesh and the turns of head and eyes."""
        from pygltflib import Animation, AnimationChannel, AnimationChannelTarget, AnimationSampler

        times_s = motion.times_s.astype("<f4")
        clock = self.buffer.add(times_s, bounded=True)
        animation = Animation(name="speech")

        def add(values: np.ndarray, nodes: list[int], path: str) -> None:
            animation.samplers.append(
                AnimationSampler(input=clock, output=self.buffer.add(values.astype("<f4")))
            )
            for node in nodes:
                target = AnimationChannelTarget(node=node, path=path)
                animation.channels.append(
                    AnimationChannel(sampler=len(animation.samplers) - 1, target=target)
                )

        meshed = [number for number, node in enumerate(self.nodes) if node.mesh is not None]
        add(motion.to_layout(self.targets).values.reshape(-1), meshed, "weights")
        for node, joint in self.joints:
            add(quaternions_from_angles(joint_angles(motion, joint)), [node], "rotation")
        self.animations.append(animation)

    def document(self, manifest: dict[str, object]) -> Any:
        """Give the whole document with its binary blob."""
        from pygltflib import GLTF2, Asset, Buffer, Scene

        document = GLTF2(
            asset=Asset(generator=f"visemic {manifest['version']}", extras={"manifest": manifest}),
            scene=0,
            scenes=[Scene(name=self.rig.name, nodes=self.roots)],
            nodes=self.nodes,
            meshes=self.meshes,
            skins=self.skins,
            materials=[
                _gltf_material(material, self.peaks.get(material, 1.0)) for material in self.materials
            ],
            animations=self.animations,
            accessors=self.buffer.accessors,
            bufferViews=self.buffer.views,
            buffers=[Buffer()],
        )
        blob = self.buffer.blob
        document.set_binary_blob(blob + b"\0" * (-len(blob) % 4))
        return document


def _gltf_material(material: Material, peak: float) -> Any:
    from pygltflib import Material as GltfMaterial
    from pygltflib import PbrMetallicRoughness

    opacity = opacity_of(material)
    return GltfMaterial(
        name=material.name,
        pbrMetallicRoughness=PbrMetallicRoughness(
            baseColorFactor=[*(min(float(c) * peak, 1.0) for c in material.colour), opacity],
            metallicFactor=0.0,
            roughnessFactor=float(material.roughness),
        ),
        alphaMode="OPAQUE" if opacity == 1 else "BLEND",
        doubleSided=material.name in SHEETS,
    )


def _skin_weights(follow: Float32[np.ndarray, " vertices"]) -> tuple[np.ndarray, np.ndarray]:
    """Give four joints a vertex and their weights: head, then body; unused slots are 0, as glTF asks."""
    joints = np.zeros((len(follow), 4), np.uint8)
    weights = np.zeros((len(follow), 4), "<u2")
    to_head = np.round(follow.astype(float) * _U2).astype(np.int64)
    joints[:, 0] = to_head > 0
    weights[:, 0] = np.where(to_head > 0, to_head, _U2)
    weights[:, 1] = np.where(to_head > 0, _U2 - to_head, 0)
    return joints, weights
