import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's own clients under a load that somebody else makes and judges; all lines have fields
 * separated by tabs. "produce TOPIC": sends each line of standard input (partition, sequence,
 * value), and answers "told" or "refused" for each. "consume TOPIC MEMBERS": members of a group
 * that commit what they have read, and say what happens to them. Settings follow, as name=value.
 */
public final class LoadClient {
    private static final Duration POLL = Duration.ofMillis(200);

    public static void main(String[] args) throws Exception {
        if (args[0].equals("produce")) produce(args[1], settings(args, 2));
        else consume(args[1], Integer.parseInt(args[2]), settings(args, 3));
    }

    private static Properties settings(String[] args, int from) {
        Properties settings = new Properties();
        for (String arg : Arrays.asList(args).subList(from, args.length)) {
            int equals = arg.indexOf('=');
            settings.setProperty(arg.substring(0, equals), arg.substring(equals + 1));
        }
        return settings;
    }

    private static synchronized void say(Object... fields) {
        StringBuilder line = new StringBuilder();
        for (Object field : fields) line.append(line.length() == 0 ? "" : "\t").append(field);
        System.out.println(line);
        System.out.flush();
    }

    private static void produce(String topic, Properties settings) throws IOException {
        StringSerializer text = new StringSerializer();
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, text, text)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] fields = line.split("\t");
                int partition = Integer.parseInt(fields[0]);
                producer.send(
                    new ProducerRecord<>(topic, partition, null, fields[2]),
                    (answer, error) -> {
                        if (error == null) say("told", partition, fields[1], answer.offset());
                        else say("refused", partition, fields[1], oneLine(error));
                    });
            }
        }
    }

    private static void consume(String topic, int members, Properties settings) {
        for (int member = 0; member < members; member++) {
            int number = member;
            new Thread(() -> keepMember(topic, number, settings)).start();
        }
    }

    /** A member, and another one when it has given up. */
    private static void keepMember(String topic, int member, Properties settings) {
        StringDeserializer text = new StringDeserializer();
        while (true) {
            try (KafkaConsumer<String, String> consumer =
                    new KafkaConsumer<>(settings, text, text)) {
                consumer.subscribe(List.of(topic), new Listener(member));
                while (true) take(consumer, consumer.poll(POLL), member);
            } catch (KafkaException error) {
                say("restarted", member, oneLine(error));
            }
        }
    }

    private static void take(
            KafkaConsumer<String, String> consumer,
            ConsumerRecords<String, String> records,
            int member) {
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
            say("read", member, record.partition(), record.offset(), record.value());
            TopicPartition place = new TopicPartition(record.topic(), record.partition());
            next.put(place, new OffsetAndMetadata(record.offset() + 1));
        }
        if (next.isEmpty()) return;
        try {
            consumer.commitSync(next);
            next.forEach((place, at) -> say("committed", place.partition(), at.offset()));
        } catch (CommitFailedException | RebalanceInProgressException | TimeoutException error) {
            say("uncommitted", member, oneLine(error));
        }
    }

    private static String oneLine(Throwable error) {
        return error.toString().replaceAll("\\s+", " ");
    }

    private record Listener(int member) implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> places) {
            for (TopicPartition place : places) say("assigned", member, place.partition());
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> places) {
            // What was read is committed before the next poll.
        }
    }
}
