extension SupervisorState {
    /// All data planes are to be replaced, one after the other; asked for during a replacement, once more after it.
    mutating func replacementRequested(at now: Instant) -> [Action] {
        guard isRunning else { return [] }
        guard replacement == nil else {
            wantsReplacement = true
            return []
        }
        let names = servingDataPlanes
        replacement = Replacement(of: names, number: takeNumber(), deadline: now + SupervisorState.successorTimeout)
        guard let successor = replacement?.successor else { return [] }
        return [.report(.replacing(names)), spawn(successor, at: now)]
    }

    /// A data plane said that it serves.
    mutating func dataPlaneReady(_ name: ChildName, at now: Instant) -> [Action] {
        guard isRunning, var current = replacement, current.successor == name else { return [] }
        let predecessor = current.predecessor
        var actions: [Action] = [.report(.replaced(predecessor, by: name))]
        switch children[predecessor] {
        case .running:
            retiring[predecessor] = now + configuration.dataPlaneGrace
            actions.append(.terminate(predecessor))
        case .waiting, nil:
            // It has died meanwhile: nothing is left to be started again.
            children[predecessor] = nil
        }
        backoffs[predecessor] = nil
        if current.next(number: nextNumber, deadline: now + SupervisorState.successorTimeout) {
            _ = takeNumber()
            replacement = current
            return actions + [spawn(current.successor, at: now)]
        }
        replacement = nil
        actions.append(.report(.replacementDone))
        return actions + nextReplacement(at: now)
    }

    /// The successor has ended, or was not ready in time: what is not replaced yet goes on.
    mutating func abandonReplacement(at now: Instant) -> [Action] {
        guard let current = replacement else { return [] }
        replacement = nil
        var actions: [Action] = [.report(.replacementFailed(current.successor))]
        if case .running = children[current.successor] {
            retiring[current.successor] = now + SupervisorState.killTimeout
            actions.append(.kill(current.successor))
        }
        return actions + nextReplacement(at: now)
    }

    /// Enforces the limits of a replacement and of what was replaced.
    mutating func replacementTimePassed(at now: Instant) -> [Action] {
        var actions: [Action] = []
        let late = retiring.filter { $0.value <= now }.keys.sorted { $0.description < $1.description }
        if !late.isEmpty {
            actions.append(.report(.graceOver(late)))
            for name in late {
                retiring[name] = now + SupervisorState.killTimeout
                actions.append(.kill(name))
            }
        }
        if let replacement, replacement.deadline <= now { actions += abandonReplacement(at: now) }
        return actions
    }

    private mutating func nextReplacement(at now: Instant) -> [Action] {
        guard wantsReplacement else { return [] }
        wantsReplacement = false
        return replacementRequested(at: now)
    }

    private mutating func takeNumber() -> Int {
        defer { nextNumber += 1 }
        return nextNumber
    }
}
