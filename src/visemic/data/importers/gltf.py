"""Folders of animated heads in ``.glb`` files, a take each."""

from collections.abc import Iterator
from pathlib import Path

from visemic.core.layout import ARKIT_61
from visemic.data.importers.clip import ClipFacts, motion_recordings
from visemic.data.importers.folder import clip_id_of, clip_split, facts_for, files_of, text_beside
from visemic.data.importers.sound import read_sound, sound_beside
from visemic.data.recording import Recording
from visemic.export.gltf_reader import read_glb


class GltfImporter:
    """Reads every ``.glb`` below a folder; morph targets are found by name."""

    kind = "gltf"
    description = ".glb takes with named morph targets, with wav or mp4 of the same name"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the takes in the order of their paths.

        Raises:
            FormatError: A file is no GLB, is damaged, or animates no named target.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        for path in files_of(source, [".glb"]):
            motion = read_glb(path).motion
            facts = facts_for(path, source)
            sound = sound_beside(path)
            clip_id = clip_id_of(path, source)
            unknown = [n for n in motion.layout if n not in ARKIT_61]
            notes = [f"channels beyond ARKit's are kept: {', '.join(unknown[:4])}"] if unknown else []
            known = ClipFacts(
                clip_id,
                facts.speaker,
                clip_split(facts, clip_id),
                facts.licence,
                self.kind,
                text_beside(path),
                facts.language,
                facts.emotion,
                facts.intensity,
                read_sound(sound, motion.n_frames, motion.rate) if sound else None,
                notes=tuple(notes if sound else [*notes, "no sound beside it"]),
            )
            yield from motion_recordings(known, motion.times_s, motion.values, motion.layout, motion.rate)
