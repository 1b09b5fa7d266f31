"""One posed head, one camera, one picture."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from visemic.core.errors import InputError, RigError
from visemic.render import light_kernels, raster_kernels, shade_kernels, studio
from visemic.render.camera import Camera
from visemic.render.openness import (
    OpennessBuffers,
    bake_openness,
    bake_reach,
    find_pockets,
    new_openness_buffers,
    parallel_axes,
)
from visemic.rig.linear import Rig

MAX_SAMPLES = 4
"""Largest side of the grid of samples in a pixel."""

_BAND_SAMPLES = 1 << 20
"""Samples that are drawn at once: bounds memory whatever the picture's size."""

_SHADOW_SIDE = 256
_WIRE_COLOUR = np.array([22.0, 40.0, 74.0])
_WIRE_OPACITY, _WIRE_SHARE = 0.75, 1 / 640
_LIFT_TEXELS = 1.6
_NEAR_M = 0.01


@dataclass(eq=False)
class _Buffers:
    """What one thread writes into; never shared."""

    nearest: Float32[np.ndarray, "rows columns"]
    owner: Int32[np.ndarray, "rows columns"]
    glass_nearest: Float32[np.ndarray, "glass_rows glass_columns"]
    glass_owner: Int32[np.ndarray, "glass_rows glass_columns"]
    normals: Float32[np.ndarray, "vertices 3"]
    screen: Float32[np.ndarray, "vertices 3"]
    key_screen: Float32[np.ndarray, "vertices 3"]
    attributes: Float32[np.ndarray, "vertices 8"]
    key_map: Float32[np.ndarray, "side side"]
    key_owner: Int32[np.ndarray, "side side"]
    openness: OpennessBuffers
    places: Float32[np.ndarray, " numbers"]
    owners: Int32[np.ndarray, " places"]
    points: Float32[np.ndarray, "3 places"]
    columns: Int32[np.ndarray, " places"]
    states: Int32[np.ndarray, " width"]
    sums: Float32[np.ndarray, "width 3"]


class FramePainter:
    """Paints posed vertices of one rig through one camera.

    Everything that a frame does not change is worked out once. Frames may be painted from
    several threads at once, each with its own ``new_buffers``; the bytes do not depend on it.
    """

    def __init__(self, rig: Rig, camera: Camera, *, samples: int = 2, has_wires: bool = False) -> None:
        if not 1 <= samples <= MAX_SAMPLES:
            raise InputError(f"{samples} samples a pixel side cannot be drawn; choose 1 to {MAX_SAMPLES}")
        if not rig.groups or rig.groups[-1].stop != len(rig.triangles):
            raise RigError(f"the material groups of rig {rig.name!r} do not cover its triangles")
        self.camera = camera
        self.samples = samples
        self._has_wires = has_wires
        self._n_vertices = rig.n_vertices
        self._materials = studio.material_table(rig)
        kinds = np.zeros(len(rig.triangles), np.int32)
        for number, group in enumerate(rig.groups):
            kinds[group.start : group.stop] = number
        triangles = np.ascontiguousarray(rig.triangles, np.int32)
        if len(triangles) and (triangles.min() < 0 or triangles.max() >= rig.n_vertices):
            raise RigError(f"rig {rig.name!r} has triangles of vertices that it lacks")
        is_glass = self._materials[kinds, 6] == light_kernels.KIND_GLASS
        # Closed parts first, then sheets, then glass: a triangle's place tells whether its back is drawn.
        is_closed = studio.closed_groups(rig)[kinds] & ~is_glass
        order = np.argsort(np.where(is_glass, 2, np.where(is_closed, 0, 1)), kind="stable")
        self._n_closed = int(is_closed.sum())
        self._triangles = np.ascontiguousarray(triangles[order])
        self._triangle_material = np.ascontiguousarray(kinds[order])
        self._n_opaque = int((~is_glass).sum())
        self._lights = studio.studio_lights()
        self._ambient = studio.studio_ambient()
        self._backdrop = studio.backdrop(camera)
        self._curve = studio.srgb_curve()
        self._empty = np.empty((camera.height, camera.width, 3), np.uint8)
        shade_kernels.paint_backdrop(self._backdrop, self._curve, self._empty)
        self._eye = np.asarray(camera.eye_m, np.float64)
        self._axes = np.ascontiguousarray(camera.axes, np.float64)
        self._colours = np.ones((rig.n_vertices, 3), np.float32)
        if rig.vertex_colours is not None:
            self._colours[:] = rig.vertex_colours
        opaque = self._triangles[: self._n_opaque]
        self._openness = np.empty(rig.n_vertices, np.float32)
        self._openness[:] = bake_openness(rig, opaque) if rig.occlusion is None else rig.occlusion
        rim = self._lights[2, :3].astype(float) @ camera.axes
        self._rim = bake_reach(rig, opaque, rim)
        self._pockets = find_pockets(rig, opaque)
        self._rest = np.ascontiguousarray(rig.neutral)
        self._axes32 = self._axes.astype(np.float32)
        self._aim_key(rig)
        self._band_rows = min(camera.height, max(1, _BAND_SAMPLES // (samples * samples * camera.width)))

    def _aim_key(self, rig: Rig) -> None:
        toward = self._lights[0, :3].astype(float) @ self._axes
        self._key_axes = parallel_axes(toward)
        low, high = rig.neutral.min(0).astype(float), rig.neutral.max(0).astype(float)
        reach = 0.5 * float(np.linalg.norm(high - low)) * 1.08
        self._key_centre = (low + high) / 2
        self._texel_m = 2 * reach / _SHADOW_SIDE
        self._key_offset = 4 * reach
        # How far a point is lifted along its normal, in texels across and down and in metres
        # towards the key, all from the camera's axes; then a texel per unit of lift, and one over
        # the whole lift.
        lift = (self._key_axes @ self._axes.T) * _LIFT_TEXELS * np.array([[1.0], [-1.0], [self._texel_m]])
        self._key_lift = np.append(
            lift.ravel(), [self._texel_m / _LIFT_TEXELS, 1 / (_LIFT_TEXELS * self._texel_m)]
        ).astype(np.float32)

    def new_buffers(self) -> _Buffers:
        """Give what one thread needs to paint."""
        shape = (self._band_rows * self.samples, self.camera.width * self.samples)
        n = self._n_vertices
        has_glass = self._n_opaque < len(self._triangles)
        glass = shape if has_glass else (1, 1)
        attributes = np.empty((n, 8), np.float32)
        attributes[:, 3] = self._openness
        attributes[:, 4:7] = self._colours
        attributes[:, 7] = self._rim
        return _Buffers(
            np.empty(shape, np.float32),
            np.empty(shape, np.int32),
            np.empty(glass, np.float32),
            np.empty(glass, np.int32),
            np.empty((n, 3), np.float32),
            np.empty((n, 3), np.float32),
            np.empty((n, 3), np.float32),
            attributes,
            np.empty((_SHADOW_SIDE, _SHADOW_SIDE), np.float32),
            np.empty((_SHADOW_SIDE, _SHADOW_SIDE), np.int32),
            new_openness_buffers(n),
            np.zeros(light_kernels.FIELDS * light_kernels.PLACES, np.float32),
            np.zeros(light_kernels.PLACES, np.int32),
            np.zeros((3, light_kernels.PLACES), np.float32),
            np.zeros(light_kernels.PLACES, np.int32),
            np.zeros(self.camera.width, np.int32),
            np.zeros((self.camera.width, 3), np.float32),
        )

    def paint(
        self,
        vertices: Float32[np.ndarray, "vertices 3"],
        buffers: _Buffers | None = None,
        colours: Float32[np.ndarray, "vertices 3"] | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """Paint one frame.

        Args:
            vertices: Posed positions, metres.
            buffers: From ``new_buffers``; None makes new ones.
            colours: Linear RGB of the vertices in this frame; None takes the rig's own.

        Returns:
            sRGB bytes, first row at the top.

        Raises:
            InputError: A position is not a finite number.
        """
        own = self.new_buffers() if buffers is None else buffers
        vertices = np.ascontiguousarray(vertices)
        camera, s = self.camera, self.samples
        focal = camera.focal_pixels * s
        centre_x, centre_y = camera.width * s / 2, camera.height * s / 2
        if not raster_kernels.project(
            vertices, self._eye, self._axes, focal, centre_x, centre_y, _NEAR_M, False, own.screen
        ):
            raise InputError("a posed vertex is not a finite number; look for NaN in the motion's weights")
        raster_kernels.vertex_normals(vertices, self._triangles, own.normals)
        own.attributes[:, 4:7] = self._colours if colours is None else colours
        self._light(vertices, own)
        picture = self._empty.copy()
        ray = np.array([centre_x, centre_y, 1 / focal], np.float32)
        opaque, glass = self._triangles[: self._n_opaque], self._triangles[self._n_opaque :]
        has_glass = len(glass) > 0
        for start in range(0, camera.height, self._band_rows):
            stop = min(start + self._band_rows, camera.height)
            rows = (stop - start) * s
            nearest, owner = own.nearest[:rows], own.owner[:rows]
            glass_nearest = own.glass_nearest[:rows]
            glass_owner = own.glass_owner[:rows]
            raster_kernels.raster(own.screen, opaque, start * s, stop * s, self._n_closed, nearest, owner)
            if has_glass:
                raster_kernels.raster(own.screen, glass, start * s, stop * s, 0, glass_nearest, glass_owner)
                glass_owner[glass_owner >= 0] += self._n_opaque
            shade_kernels.shade_band(
                start,
                s,
                own.screen,
                own.attributes,
                self._triangles,
                self._triangle_material,
                owner,
                nearest,
                glass_owner,
                glass_nearest,
                has_glass,
                self._materials,
                self._lights,
                self._ambient,
                ray,
                own.key_screen,
                own.key_map,
                self._key_lift,
                self._rest,
                self._axes32,
                self._backdrop,
                self._curve,
                own.places,
                own.owners,
                own.points,
                own.columns,
                own.states,
                own.sums,
                picture,
            )
            if self._has_wires:
                self._draw_wires(start, own.screen, owner, picture)
        return picture

    def _draw_wires(
        self,
        first_row: int,
        screen: Float32[np.ndarray, "vertices 3"],
        owner: Int32[np.ndarray, "rows columns"],
        picture: UInt8[np.ndarray, "height width 3"],
    ) -> None:
        from visemic.render.overlay_kernels import draw_wires

        width_px = max(0.8, self.camera.height * _WIRE_SHARE)
        draw_wires(
            first_row,
            self.samples,
            screen,
            self._triangles,
            owner,
            _WIRE_COLOUR,
            _WIRE_OPACITY,
            width_px,
            picture,
        )

    def _light(self, vertices: Float32[np.ndarray, "vertices 3"], own: _Buffers) -> None:
        raster_kernels.project(
            vertices,
            self._key_centre,
            self._key_axes,
            1 / self._texel_m,
            _SHADOW_SIDE / 2,
            _SHADOW_SIDE / 2,
            self._key_offset,
            True,
            own.key_screen,
        )
        opaque = self._triangles[: self._n_opaque]
        raster_kernels.raster(
            own.key_screen, opaque, 0, _SHADOW_SIDE, len(opaque), own.key_map, own.key_owner
        )
        raster_kernels.turn_normals(own.normals, self._axes, own.attributes)
        for pocket in self._pockets:
            own.attributes[pocket.vertices, 3] = pocket.measure(vertices, own.normals, own.openness)


def planes_of(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "rows width"]:
    """Give a picture's planes of video, luma above the two of chroma (BT.709, 4:2:0)."""
    height, width = picture.shape[:2]
    planes = np.empty((height * 3 // 2, width), np.uint8)
    shade_kernels.planes_from_picture(picture, planes)
    return planes
