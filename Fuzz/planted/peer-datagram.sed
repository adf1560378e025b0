# file: DataPlane/Core/Peers/PeerDatagram.swift
# A share of no parts is taken for one.
s/index < count else/index <= count else/
