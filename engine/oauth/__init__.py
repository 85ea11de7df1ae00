"""Identity providers of a pool and what becomes of them in WorkOS: the rules. Who is asked is others' business."""
