# file: DataPlane/Core/HTTP1/ResponseHead.swift
# Anything may follow the three digits of the status.
s/guard line\.count == 12 \|\| bytes\[start \+ 12\] == ASCII\.space else \{ throw fault \}//
