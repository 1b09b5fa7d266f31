"""Tasks by name; none is imported before it is asked for, and this table needs no torch."""

TASKS = {
    "korzun": "visemic.training.korzun:KorzunTask",
    "faceformer": "visemic.training.faceformer:FaceFormerTask",
    "motion-sync": "visemic.training.motion_sync:MotionSyncTask",
    "phonetic": "visemic.training.phonetic:PhoneticTask",
    "avatron-face": "visemic.training.avatron_avatar:AvatronFaceTask",
    "avatron-voice": "visemic.training.avatron:AvatronVoiceTask",
    "autovc": "visemic.training.autovc:AutoVcTask",
    "meshtalk": "visemic.training.meshtalk:MeshTalkTask",
    "meshtalk-context": "visemic.training.meshtalk_context:MeshTalkContextTask",
    "style-encoder": "visemic.training.style_encoder:StyleEncoderTask",
    "style-generator": "visemic.training.style_generator:StyleGeneratorTask",
    "style-prior": "visemic.training.style_prior:StylePriorTask",
    "trunk-mouth": "visemic.training.trunk_mouth:TrunkMouthTask",
    "avi-instruction": "visemic.training.instruction:InstructionTask",
    "avi-instruction-lm": "visemic.training.instruction_lm:InstructionLmTask",
    "vocoder": "visemic.training.vocoder:VocoderTask",
}
"""Name to ``module:Class``."""
