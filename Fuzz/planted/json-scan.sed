# file: DataPlane/Core/JSON/JSONString.swift
# A tab that is written as an escape in a model's name is read as a line feed.
s/case 0x74: result\.append\(ASCII\.tab\)/case 0x74: result.append(ASCII.lineFeed)/
