"""Tests of workflow authors: a definition under a clock that skips, with canned results."""
