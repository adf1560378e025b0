# file: DataPlane/Core/Exchange/ProxyEngine+loss.swift
# An answer that breaks off looks whole to a client of HTTP/1.0: its connection ends in an orderly way.
s/endIsVisible \? \.graceful : \.reset/.graceful/
