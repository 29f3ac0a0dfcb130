"""Seals: the key by URI, CMS signatures beside files, PAdES signatures inside PDFs."""
