// Loads a GLB with three.js, checks its named targets, and plays its animation.
import { readFile } from "node:fs/promises";
import { AnimationMixer, Vector3 } from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

const ARKIT_SHAPES = 52;
const file = process.argv[2];
if (!file) {
  console.error("usage: node load_three.mjs file.glb");
  process.exit(2);
}
function fail(reason) {
  console.error(`${file}: ${reason}`);
  process.exit(1);
}

const bytes = await readFile(file);
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const gltf = await new Promise((done, refuse) => new GLTFLoader().parse(buffer, "", done, refuse));

const meshes = [];
gltf.scene.traverse((object) => object.isMesh && meshes.push(object));
if (meshes.length === 0) fail("no mesh");
for (const mesh of meshes) {
  const names = Object.keys(mesh.morphTargetDictionary ?? {});
  if (names.length < ARKIT_SHAPES || !names.includes("jawOpen")) {
    fail(`mesh ${mesh.name} names ${names.length} targets`);
  }
}
const [take] = gltf.animations;
if (!take) fail("no animation");

// Where every vertex is, as the graphics card would show it.
function positions() {
  gltf.scene.updateMatrixWorld(true);
  return meshes.flatMap((mesh) => {
    const count = mesh.geometry.attributes.position.count;
    return Array.from({ length: count }, (_, i) =>
      mesh.localToWorld(mesh.getVertexPosition(i, new Vector3())),
    );
  });
}
const weightTracks = take.tracks.filter((track) => track.name.endsWith("morphTargetInfluences"));
if (weightTracks.length < meshes.length) fail(`only ${weightTracks.length} of ${meshes.length} meshes have weights`);

const mixer = new AnimationMixer(gltf.scene);
mixer.clipAction(take).play();
mixer.setTime(0);
const first = positions();
mixer.setTime(take.duration / 2);
const middle = positions();
const moved = Math.max(...first.map((point, i) => point.distanceTo(middle[i])));
if (!first.every((p) => Number.isFinite(p.x + p.y + p.z))) fail("a vertex is not finite");
if (take.duration > 0 && !(moved > 0)) fail("nothing moves");

console.log(
  JSON.stringify({
    file,
    meshes: meshes.length,
    targets: Object.keys(meshes[0].morphTargetDictionary).length,
    tracks: take.tracks.length,
    duration_s: Number(take.duration.toFixed(3)),
    largest_move_mm: Number((moved * 1000).toFixed(3)),
    vertices: first.length,
    half_time_sum: middle.reduce((sum, p) => sum + p.x + 2 * p.y + 3 * p.z, 0),
  }),
);
