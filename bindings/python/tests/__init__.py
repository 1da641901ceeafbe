"""Tests of the package, against the library's embedded cluster and the small servers of ``support``."""
