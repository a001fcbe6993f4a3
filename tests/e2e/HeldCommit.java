import com.sun.jdi.Bootstrap;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.LaunchingConnector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.MethodExitEvent;
import com.sun.jdi.event.VMDeathEvent;
import com.sun.jdi.event.VMDisconnectEvent;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import com.sun.jdi.request.EventRequestManager;
import com.sun.jdi.request.MethodExitRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Commits one transaction of three records and prints how many of them were sent when the commit had succeeded.
 *
 * <p>Meanwhile a debugger (this program, in a JVM of its own) holds the producer's network thread at the worst place:
 * where it has looked whether records are unsent, and not yet taken the next request of the transaction. Arguments: the
 * broker's address, a topic, linger.ms.
 */
public class HeldCommit {
    private static final String INTERNALS = "org.apache.kafka.clients.producer.internals.";

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 3) {
            debug(arguments);
        } else {
            produce(arguments[0], arguments[1], arguments[2]);
        }
    }

    private static void produce(String bootstrap, String topic, String linger) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("transactional.id", topic);
        settings.put("linger.ms", linger);
        settings.put("delivery.timeout.ms", "2147483647");
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        producer.beginTransaction();
        Future<RecordMetadata> first = producer.send(new ProducerRecord<>(topic, "a change"));
        if (linger.equals("0")) {
            first.get();
        }
        keepAwake(producer);
        hold();
        Future<RecordMetadata> second = producer.send(new ProducerRecord<>(topic, "another change"));
        Future<RecordMetadata> third = producer.send(new ProducerRecord<>(topic, "the offsets of both"));
        producer.commitTransaction();
        System.out.println(
                List.of(first, second, third).stream().filter(Future::isDone).count());
        Runtime.getRuntime().halt(0);
    }

    /** Has the network thread go round and round, as it asks for a topic that is not there. */
    private static void keepAwake(KafkaProducer<String, String> producer) {
        Thread asking = new Thread(() -> producer.partitionsFor("not.there"));
        asking.setDaemon(true);
        asking.start();
    }

    /** Where the debugger waits for the producing thread, until it holds the other. */
    private static void hold() {}

    private static void debug(String[] arguments) throws Exception {
        VirtualMachine machine = launch(String.join(" ", arguments) + " produce");
        MethodExitRequest looked = exits(machine, "RecordAccumulator");
        MethodExitRequest commits = exits(machine, "TransactionManager");
        ClassPrepareRequest loaded = machine.eventRequestManager().createClassPrepareRequest();
        loaded.addClassFilter(HeldCommit.class.getName());
        loaded.enable();
        machine.resume();
        ThreadReference producing = null;
        ThreadReference network = null;
        while (true) {
            EventSet events = machine.eventQueue().remove();
            boolean goOn = true;
            for (Event event : events) {
                if (event instanceof VMDeathEvent || event instanceof VMDisconnectEvent) {
                    return;
                } else if (event instanceof ClassPrepareEvent prepared) {
                    stopAtHold(prepared.referenceType());
                } else if (event instanceof BreakpointEvent reached) {
                    producing = reached.thread();
                    goOn = false;
                    looked.enable();
                } else if (event instanceof MethodExitEvent exit
                        && exit.method().name().equals("hasIncomplete")) {
                    network = exit.thread();
                    goOn = false;
                    looked.disable();
                    commits.enable();
                    producing.resume();
                } else if (event instanceof MethodExitEvent exit
                        && exit.method().name().equals("beginCommit")) {
                    commits.disable();
                    network.resume();
                }
            }
            if (goOn) {
                events.resume();
            }
        }
    }

    private static VirtualMachine launch(String arguments) throws Exception {
        LaunchingConnector connector = Bootstrap.virtualMachineManager().defaultConnector();
        Map<String, Connector.Argument> settings = connector.defaultArguments();
        settings.get("main").setValue(HeldCommit.class.getName() + " " + arguments);
        settings.get("options").setValue("-cp \"" + System.getProperty("java.class.path") + "\"");
        VirtualMachine machine = connector.launch(settings);
        print(machine.process().getInputStream(), System.out);
        print(machine.process().getErrorStream(), System.err);
        return machine;
    }

    private static void print(InputStream from, PrintStream to) {
        new Thread(() -> {
                    try {
                        from.transferTo(to);
                    } catch (IOException ended) {
                        to.println(ended.getMessage());
                    }
                })
                .start();
    }

    private static void stopAtHold(ReferenceType type) {
        EventRequestManager requests = type.virtualMachine().eventRequestManager();
        BreakpointRequest request = requests.createBreakpointRequest(
                type.methodsByName("hold").get(0).location());
        request.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        request.enable();
    }

    private static MethodExitRequest exits(VirtualMachine machine, String type) {
        MethodExitRequest request = machine.eventRequestManager().createMethodExitRequest();
        request.addClassFilter(INTERNALS + type);
        request.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        return request;
    }
}
