# file: DataPlane/Core/HTTP1/ChunkedDecoder.swift
# A line's end within a quoted chunk extension ends the line.
s/if byte == ASCII\.carriageReturn && state == \.chunkExtension/if byte == ASCII.carriageReturn/
