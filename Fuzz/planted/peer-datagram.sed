# file: DataPlane/Core/Peers/SealedDatagram.swift
# The last byte of the code is not compared.
s/zip\(code, other\)\.reduce/zip(code.dropLast(), other).reduce/
