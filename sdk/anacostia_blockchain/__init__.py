"""Prove, license and sell machine-learning models."""
