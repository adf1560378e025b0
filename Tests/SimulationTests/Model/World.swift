import ControlPlane
import ControlPlaneCore
import DataPlaneCore
import SignalboxProtocol

/// One run: a control plane, data planes, workers, clients and operators, and everything that can go wrong between them,
/// drawn from one seed.
final class World {
    static let workersMax = 5
    static let steps = 600
    /// Simulated time that everything may take to settle once nothing goes wrong any more, in milliseconds.
    static let settlingMilliseconds = 200_000

    let plant: Plant?
    var dice: Dice
    var now = 10_000
    var store: StoreModel
    var control: ControlModel?
    var controlStartsAt = 0
    var planes: [PlaneModel] = []
    var clients: [ClientModel] = []
    /// Client connections by client.
    var sockets: [Int: ConnectionID] = [:]
    /// Workers that run, by number; a dead one refuses connections.
    var alive: Set<Int> = []
    /// Workers that are frozen: they neither refuse nor answer.
    var frozen: Set<Int> = []
    /// Faults happen; false while everything must settle.
    var isTroubled = true
    /// What happened, for a person.
    var trace: ((String) -> Void)?
    /// A sum over everything that happened: two runs of one seed have the same.
    private(set) var digest: UInt64 = 14_695_981_039_346_656_037
    private let origin = ContinuousClock.now
    private var nextLink: UInt64 = 1
    /// Some snapshot that was published before.
    private var older: EncodedSnapshot?

    init(seed: UInt64, plant: Plant?) throws {
        self.plant = plant
        dice = Dice(seed: seed)
        store = StoreModel(epoch: Epoch.random(using: &dice), plant: plant)
        for number in 0..<(1 + dice.below(3)) {
            planes.append(PlaneModel(number: number, now: MonotonicTime(milliseconds: now), dice: &dice))
        }
        for number in 1...World.workersMax where !dice.oneIn(4) { alive.insert(number) }
    }

    func say(_ text: @autoclosure () -> String) {
        let text = text()
        for byte in text.utf8 { digest = (digest ^ UInt64(byte)) &* 1_099_511_628_211 }
        trace?("\(now) \(text)")
    }

    /// Runs to the end; throws the first finding.
    func run() throws {
        for _ in 0..<World.steps {
            try step()
            try check()
        }
        isTroubled = false
        say("nothing goes wrong any more")
        alive = Set(1...World.workersMax)
        frozen = []
        if control == nil { controlStartsAt = now }
        let end = now + World.settlingMilliseconds
        while now < end && !isSettled {
            for _ in 0..<40 { try step() }
            try check()
        }
        try checkEnd()
    }

    // MARK: - Steps

    private func step() throws {
        switch dice.below(isTroubled ? 40 : 24) {
        case 0..<4: try advance(1 + dice.below(40))
        case 4..<6: if isTroubled { try advance(200 + dice.below(1_500)) } else { try letTimePassFairly() }
        case 6..<9: try stepControl()
        case 9..<12: try stepLink(dice.below(planes.count))
        case 12..<14: try swapTable(dice.below(planes.count), dice.below(2))
        case 14..<19: try stepNetwork()
        case 19..<24: try stepClient()
        case 24..<29: try stepClient()
        case 29..<33: try stepNetwork()
        case 33..<36: try operate()
        default: try disturb()
        }
    }

    /// Lets time pass, with every deadline at its moment.
    private func advance(_ milliseconds: Int) throws {
        let end = now + milliseconds
        while true {
            var next: (at: Int, plane: Int, thread: Int, id: ConnectionID)?
            for plane in planes.indices {
                for thread in 0..<2 {
                    let network = planes[plane].threads[thread].network
                    for id in network.order {
                        guard let at = network.connections[id]?.deadline?.milliseconds, at <= end else { continue }
                        if next.map({ at < $0.at }) ?? true { next = (at, plane, thread, id) }
                    }
                }
            }
            guard let next else { break }
            setTime(max(now, next.at))
            let thread = planes[next.plane].threads[next.thread]
            thread.network.connections[next.id]?.deadline = nil
            let peer = thread.network.connections[next.id]?.peer
            if plant == .lostDeadline, peer?.worker != nil { continue }
            thread.engine.deadlinePassed(next.id, &thread.network)
            thread.engine.batchEnded(&thread.network)
            try noteAttempts(planes[next.plane], thread, again: peer?.worker)
        }
        setTime(end)
        for plane in planes {
            for thread in plane.threads where thread.engine.looksForSilence {
                thread.engine.batchEnded(&thread.network)
                try noteAttempts(plane, thread)
            }
        }
    }

    /// Time in which everybody gets a turn often enough to be heard, as on a machine that is not starved.
    private func letTimePassFairly() throws {
        for _ in 0..<2 {
            try advance(400)
            try stepControl()
            for index in planes.indices {
                for _ in 0..<3 { try stepLink(index) }
                for thread in 0..<2 { try swapTable(index, thread) }
            }
            for _ in 0..<World.clientsMax { try stepNetwork() }
        }
    }

    private func setTime(_ time: Int) {
        now = time
        for plane in planes { for thread in plane.threads { thread.network.now = MonotonicTime(milliseconds: time) } }
    }

    // MARK: - Control plane

    private func stepControl() throws {
        guard var running = control else {
            if now >= controlStartsAt {
                control = ControlModel(origin: origin, now: now, dice: &dice)
                say("the control plane starts")
                if plant == .lowerSequence, isTroubled, let older {
                    control?.mustPublish = false
                    control?.registry.publish(try PublishedSnapshot(older, committedAt: origin))
                }
            }
            return
        }
        if running.mustPublish {
            let published = try running.publish(store, at: now, dice: &dice)
            if older == nil || dice.oneIn(8) { older = published }
        }
        if running.mustObserve || dice.oneIn(6) { try running.observe(store, alive: alive, frozen: frozen) }
        let closings = running.registry.expired(at: running.instant(now))
        control = running
        for closing in closings { cutLink(closing.connection) }
        try drain()
    }

    /// Carries removals on.
    private func drain() throws {
        for worker in store.rows.workers where worker.drain != nil {
            let isKnown: (Int) -> Bool = { pid in self.planes.contains { $0.number == pid } }
            switch control?.step(worker, store.epoch, isAlive: isKnown, at: now) {
            case .cut:
                try change("cut \(worker.url)") { rows in
                    let sequence = rows.sequence
                    for index in rows.workers.indices where rows.workers[index].incarnation == worker.incarnation {
                        rows.workers[index].drain?.cutAt = Int64(self.now)
                        rows.workers[index].drain?.sequence = sequence
                    }
                }
            case .remove:
                try change("remove \(worker.url)") { rows in
                    rows.workers.removeAll { $0.incarnation == worker.incarnation }
                }
            case .wait, nil: break
            }
        }
    }

    private func change(_ what: String, _ edit: (inout StoreModel.Rows) -> Void) throws {
        let crashes = isTroubled && dice.oneIn(25)
        let isDone = store.change(&dice, crashes: crashes, edit)
        say("\(what): \(isDone ? "version \(store.rows.sequence)" : "crash")")
        if crashes { killControl() }
        control?.mustPublish = true
        control?.mustObserve = true
    }

    private func killControl() {
        say("the control plane dies")
        control = nil
        controlStartsAt = now + dice.below(3_000)
        for plane in planes where plane.link != nil { plane.disconnect(dice: &dice) }
    }

    /// The link between one data plane and the control plane: timers, bytes of either direction in pieces.
    private func stepLink(_ index: Int) throws {
        let plane = planes[index]
        let time = MonotonicTime(milliseconds: now)
        let heartbeat = plane.heartbeat()
        try perform(plane, try plane.subscription.timePassed(at: time, heartbeat: heartbeat))
        guard let link = plane.link, var running = control else { return }
        if !plane.toControl.isEmpty {
            let piece = take(&plane.toControl)
            let (_, closings) = running.registry.received(piece, from: link, at: running.instant(now))
            control = running
            for closing in closings { cutLink(closing.connection) }
            guard plane.link == link, let still = control else { return }
            running = still
        }
        if plane.toPlane.isEmpty, let output = running.registry.nextOutput(for: link, at: running.instant(now)) {
            switch output {
            case .snapshot(let snapshot): plane.toPlane += snapshot.wireBytes
            case .health(let health): plane.toPlane += health.wireBytes
            // These data planes ask for none.
            case .secrets: break
            case .heartbeat: plane.toPlane += try LineCoding.encode(ControlPlaneMessage.heartbeat)
            }
            control = running
        }
        if !plane.toPlane.isEmpty {
            let piece = take(&plane.toPlane)
            try perform(plane, try plane.subscription.received(piece, at: time))
        }
    }

    private func perform(_ plane: PlaneModel, _ actions: [SubscriptionState.Action]) throws {
        let before = plane.link
        guard try plane.perform(actions, dice: &dice) else {
            if let before, plane.link == nil { forget(before) }
            return
        }
        guard var running = control, !(isTroubled && dice.oneIn(5)) else {
            plane.subscription.disconnected(at: MonotonicTime(milliseconds: now), using: &dice)
            return
        }
        let link = nextLink
        nextLink += 1
        guard running.registry.connected(link, at: running.instant(now)) else {
            plane.subscription.disconnected(at: MonotonicTime(milliseconds: now), using: &dice)
            return
        }
        running.planes[link] = plane.number
        control = running
        plane.link = link
        if plant == .lowerSequence {
            // It has forgotten what it had, but not the world.
            plane.subscription = SubscriptionState(
                id: "plane-\(plane.number)",
                pid: plane.number,
                now: MonotonicTime(milliseconds: now)
            )
        }
        say("plane \(plane.number) connects")
        _ = try plane.perform(try plane.subscription.connected(at: MonotonicTime(milliseconds: now)), dice: &dice)
    }

    /// The control plane sees the end of a connection.
    private func forget(_ link: UInt64) {
        guard var running = control else { return }
        running.registry.disconnected(link, at: running.instant(now))
        control = running
    }

    private func cutLink(_ link: UInt64) {
        forget(link)
        for plane in planes where plane.link == link { plane.disconnect(dice: &dice) }
    }

    /// A piece of random size, all of it one time in two.
    private func take(_ bytes: inout [UInt8]) -> [UInt8] {
        let count = dice.oneIn(2) ? bytes.count : 1 + dice.below(bytes.count)
        let piece = Array(bytes[..<count])
        bytes.removeFirst(count)
        return piece
    }

    private func swapTable(_ number: Int, _ index: Int) throws {
        let plane = planes[number]
        let actions = try plane.swapTable(index, plant: plant)
        if plant == .mixedTables { plane.threads[index].network.misroutes = dice.oneIn(4) }
        try noteAttempts(plane, plane.threads[index])
        try perform(plane, actions)
    }

    // MARK: - Operators and faults

    static func number(of worker: Worker) -> Int {
        worker.url.host.split(separator: "-").last.flatMap { Int($0) } ?? 0
    }

    private func operate() throws {
        guard control != nil else { return }
        let number = 1 + dice.below(World.workersMax)
        let url = try WorkerURL("http://worker-\(number):8000")
        let active = store.rows.workers.contains { $0.url == url && $0.drain == nil }
        if !active, dice.oneIn(2), let drains = store.rows.workers.lastIndex(where: { $0.url == url }) {
            try change("activate \(number)") { $0.workers[drains].drain = nil }
        } else if !active {
            let (id, incarnation) = (WorkerID.random(using: &dice), IncarnationID.random(using: &dice))
            try change("add \(number)") { rows in
                rows.workers.append(
                    Worker(
                        id: id,
                        incarnation: incarnation,
                        url: url,
                        urlGiven: url.description,
                        source: .api,
                        addedAt: 0,
                        firstReadyAt: 0
                    )
                )
            }
        } else if dice.oneIn(3) {
            let deadline = Int64(now + dice.below(4_000))
            try change("drain \(number)") { rows in
                for index in rows.workers.indices
                where rows.workers[index].url == url && rows.workers[index].drain == nil {
                    rows.workers[index].drain = WorkerDrain(
                        beganAt: Int64(self.now),
                        deadline: deadline,
                        sequence: rows.sequence
                    )
                }
            }
        } else {
            let policies: [PolicyName] = [.leastLoad, .roundRobin, .random, .powerOfTwo, .cacheAware, .kvCost, .manual]
            let policy = policies[dice.below(policies.count)]
            try change("policy \(policy.rawValue)") { $0.policy = PolicyConfiguration(name: policy) }
        }
    }

    private func disturb() throws {
        switch dice.below(14) {
        case 0 where control != nil: killControl()
        case 1..<4:
            if let link = planes[dice.below(planes.count)].link { cutLink(link) }
        case 4..<7:
            let number = 1 + dice.below(World.workersMax)
            if alive.remove(number) == nil {
                alive.insert(number)
                say("worker \(number) is back")
            } else {
                say("worker \(number) dies")
                breakConnections { $0 == .worker(number) }
            }
            control?.mustObserve = true
        case 7: replacePlane(dice.below(planes.count))
        case 8..<10:
            let number = 1 + dice.below(World.workersMax)
            if frozen.remove(number) == nil { frozen.insert(number) }
            say("worker \(number) \(frozen.contains(number) ? "freezes" : "goes on")")
            control?.mustObserve = true
        default:
            let number = 1 + dice.below(World.workersMax)
            if dice.oneIn(2) { breakConnections { $0 == .worker(number) } }
        }
    }

    private func breakConnections(where matches: (SimulatedNetwork.Peer) -> Bool) {
        for plane in planes {
            for thread in plane.threads {
                for id in thread.network.order where thread.network.connections[id].map({ matches($0.peer) }) == true {
                    thread.network.connections[id]?.isBroken = true
                }
            }
        }
    }

    /// kill -9 of a data plane, and a new one in its place.
    private func replacePlane(_ index: Int) {
        say("plane \(planes[index].number) dies")
        if let link = planes[index].link { forget(link) }
        for client in clients.indices
        where clients[client].plane == planes[index].number && clients[client].phase != .left {
            clients[client].closed()
            sockets[client] = nil
        }
        let number = (planes.map(\.number).max() ?? 0) + 1
        planes[index] = PlaneModel(number: number, now: MonotonicTime(milliseconds: now), dice: &dice)
    }
}
