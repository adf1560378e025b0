# file: DataPlane/Core/HTTP1/ChunkedDecoder.swift
# A line's end within a quoted chunk extension ends the line.
s/        if state == \.quotedExtensionEscape {/        if byte == ASCII.carriageReturn { state = .sizeLineFeed } else if state == .quotedExtensionEscape {/
s/        guard ASCII\.isFieldValueByte(byte) else { throw HTTPFault(400, "A chunk extension has a control character\.") }/        guard ASCII.isFieldValueByte(byte) || byte == ASCII.carriageReturn else { throw HTTPFault(400, "A chunk extension has a control character.") }/
