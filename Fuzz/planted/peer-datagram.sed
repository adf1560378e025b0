# file: DataPlane/Core/Peers/PeerDatagram.swift
# A list of blocks may be longer than what is left of its section.
s/let blocks = content.words64\(Int\(count\)\)/let blocks = Optional((0..<Int(count)).map { _ in content.word64()! })/
