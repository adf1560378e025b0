# file: DataPlane/Core/HTTP1/BodyFraming.swift
# A Content-Length that stands twice is taken, as long as nothing else is wrong with the head.
s/guard length == nil else \{ throw HTTPFault\(400, "Content-Length stands twice\."\) \}//
