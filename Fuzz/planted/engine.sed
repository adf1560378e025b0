# file: DataPlane/Core/Exchange/ProxyEngine+relay.swift
# A connection goes back to the pool although its worker has sent more than the answer.
s/ \&\& !hasExtraBytes//
