// Publishes one purchase over Kafka, with Apache Kafka's own client:
//
//   java -cp "$KAFKA_JARS" docs/examples/Publisher.java $KAFKA structured java-1
//
// The last word is the order's number. Binary mode has the attributes as headers, and the data alone as value.

import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class Publisher {
  static final String DATA = """
      {"order_id": "%s", "store_id": "store-12", "currency": "CNY", "total": 3520, "channel": "store",
       "lines": [{"sku": "tea-1", "category": "tea", "quantity": 2, "amount": 3520}]}""";

  public static void main(String[] arguments) throws Exception {
    String mode = arguments[1], order = arguments[2];
    Properties settings = new Properties();
    settings.put("bootstrap.servers", arguments[0]);
    settings.put("enable.idempotence", "true");
    settings.put("compression.type", "lz4");
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      var record = mode.equals("binary") ? binary(order) : structured(order);
      var place = producer.send(record).get();
      System.out.println(order + " is at " + place);
    }
  }

  static Map<String, String> attributes(String order) {
    return Map.of(
        "specversion", "1.0", "id", order, "source", "/pos/store-12",
        "type", "regulars.purchase.completed.v1", "subject", "card:4711", "time", Instant.now().toString());
  }

  static ProducerRecord<String, String> structured(String order) {
    var event = new StringBuilder("{");
    attributes(order).forEach((name, value) -> event.append("\"%s\": \"%s\", ".formatted(name, value)));
    event.append("\"data\": ").append(DATA.formatted(order)).append("}");
    var record = new ProducerRecord<>("regulars.inbound", "store-12", event.toString());
    record.headers().add("content-type", "application/cloudevents+json".getBytes());
    return record;
  }

  static ProducerRecord<String, String> binary(String order) {
    var record = new ProducerRecord<>("regulars.inbound", "store-12", DATA.formatted(order));
    attributes(order).forEach((name, value) -> record.headers().add("ce_" + name, value.getBytes()));
    record.headers().add("content-type", "application/json".getBytes());
    return record;
  }
}
