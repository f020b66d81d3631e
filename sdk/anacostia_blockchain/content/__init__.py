"""Bytes in, digests out: CIDs, UnixFS, CAR, manifests and statements. Light to import."""
