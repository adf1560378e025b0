# file: Protocol/Framing/LineDecoder.swift
# A line that is exactly as long as allowed, but arrives in pieces, is taken for too long.
s/if searched - start >= bytesMax/if searched - start > bytesMax/
